"""Tracklets on disk, batches and augmentation."""
