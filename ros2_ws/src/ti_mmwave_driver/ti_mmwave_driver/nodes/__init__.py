"""ROS nodes."""
