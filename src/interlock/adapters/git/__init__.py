"""Git, run as a program: always without hooks and without programs that a repository names."""
