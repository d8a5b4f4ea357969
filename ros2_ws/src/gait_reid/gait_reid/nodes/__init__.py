"""Lifecycle nodes, one per file: communication, configuration and conversion, nothing else."""
