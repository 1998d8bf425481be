"""Interlock runs many coding agents on one codebase and lets only proven changes reach main."""

__version__ = "0.3.0"
