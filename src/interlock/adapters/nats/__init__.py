"""Dispatch and live feed over NATS, for workers on other hosts."""
