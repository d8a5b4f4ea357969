"""Data sets of simulated walks."""
