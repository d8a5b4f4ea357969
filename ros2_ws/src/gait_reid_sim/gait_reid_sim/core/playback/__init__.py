"""Playback of a scenario: frames rendered ahead of time and handed over when they are due."""
