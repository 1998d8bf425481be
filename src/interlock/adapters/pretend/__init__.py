"""A world to rehearse in: pretend time, a seeded loop, a faulty network, workers, a target."""
