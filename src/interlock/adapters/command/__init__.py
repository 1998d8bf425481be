"""Any program as an agent: the prompt on its standard input, its exit code as its verdict."""
