"""Evaluation of networks that find a radar's walk among cameras' walks."""
