"""Published gait networks that EMGaitNet is compared with, in our own words and code."""
