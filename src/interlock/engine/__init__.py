"""Durability without opinions: log, snapshots, leases, timers, outbox, dispatch, who may act."""
