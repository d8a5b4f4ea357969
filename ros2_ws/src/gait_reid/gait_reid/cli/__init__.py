"""The gait-reid command."""
