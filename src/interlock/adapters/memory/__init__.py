"""Everything in memory: exact, without threads or clock, for tests, simulation and the demo."""
