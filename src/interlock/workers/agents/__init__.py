"""Talking to a coding agent: what it is told, what it says and asks, how it ends."""
