"""No box at all, under its own name: a plain process, for those who asked for exactly that."""
