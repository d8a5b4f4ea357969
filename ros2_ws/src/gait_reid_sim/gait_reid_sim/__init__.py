"""Simulated people and sensors for gait re-identification."""
