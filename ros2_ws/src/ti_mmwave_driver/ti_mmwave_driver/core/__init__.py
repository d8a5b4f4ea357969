"""Protocol, configuration and device session, without ROS."""
