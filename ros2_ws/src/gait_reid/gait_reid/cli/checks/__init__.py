"""What ``gait-reid doctor`` looks at."""
