"""Codex as an agent: the real program in the box, as the server of one conversation."""
