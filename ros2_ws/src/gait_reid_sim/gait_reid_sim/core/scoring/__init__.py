"""Compares what the suite says about the people of a scene with who they are."""
