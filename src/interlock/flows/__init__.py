"""The order of things: what happens to a task and to a run, one page of decisions each."""
