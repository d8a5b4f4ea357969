"""Stands in for ROS 2's ``sensor_msgs_py`` where that is not installed."""
