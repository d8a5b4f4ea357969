"""Models of the sensors: LiDAR, camera and radar."""
