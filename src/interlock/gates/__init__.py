"""Evidence before a change lands: gates run in boxes on the exact tree, their reports are read."""
