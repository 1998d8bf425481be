"""Dispatch to worker processes of this machine, over a Unix socket for this user only."""
