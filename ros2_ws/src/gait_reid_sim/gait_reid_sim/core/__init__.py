"""Simulation without ROS."""
