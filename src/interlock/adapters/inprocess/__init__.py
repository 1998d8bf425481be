"""Dispatch inside one process: for workers that are coroutines beside the plane."""
