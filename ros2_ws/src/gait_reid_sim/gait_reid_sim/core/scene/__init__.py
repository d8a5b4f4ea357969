"""Scenes: what stands around, who walks through, and what the sensors make of it."""
