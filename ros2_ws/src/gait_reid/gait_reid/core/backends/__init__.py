"""Engines that run exported networks, behind one protocol."""
