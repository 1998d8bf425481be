"""One attempt from its lease to its change: workspace, box, agent, collecting, clearing away."""
