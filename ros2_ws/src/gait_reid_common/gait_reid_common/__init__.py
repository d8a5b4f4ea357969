"""What every package of the suite shares; modules without rclpy in their name import no ROS."""
