"""Pure functions between ROS messages and the nouns of the core."""
