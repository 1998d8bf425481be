"""Claude Code as an agent: the real program in the box, spoken to in its own stream of JSON."""
