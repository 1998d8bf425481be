"""Log and snapshots of one machine in one SQLite file, shared by several processes."""
