"""PostgreSQL: log, snapshots and the lease of the one plane, a schema for each repository."""
