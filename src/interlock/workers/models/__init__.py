"""Model traffic of agents: who pays, what it used, and how much more it may use."""
