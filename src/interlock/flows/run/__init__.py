"""A run and its tasks together: dependencies, groups, who is next, p0, pause and stop."""
