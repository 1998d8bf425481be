"""Where the ports meet the world: one package per technology, none of which knows another."""
