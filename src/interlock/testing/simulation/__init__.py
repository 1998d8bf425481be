"""Rehearsals of the whole plane: random plans, bad luck, people, crashes, and a referee."""
