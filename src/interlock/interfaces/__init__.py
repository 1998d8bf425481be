"""Thin faces on the front desk, one folder each; they see `control` and `domain` only."""
