"""What a box promises: what goes in and out of it, which limits hold, and that it can be ended."""
