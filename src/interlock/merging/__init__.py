"""The way to the target: what would land, one landing at a time, and the proof that it did."""
