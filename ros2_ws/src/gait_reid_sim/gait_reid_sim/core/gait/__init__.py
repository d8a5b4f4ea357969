"""Gait: who walks how, where the feet land, and the poses that follow."""
