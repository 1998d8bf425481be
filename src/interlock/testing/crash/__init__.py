"""Real processes under kill -9: a plane, workers, stores and brokers, and a verdict at the end."""
