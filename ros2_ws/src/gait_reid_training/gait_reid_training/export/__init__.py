"""From checkpoints to what the run time loads."""
