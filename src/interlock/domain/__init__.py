"""The vocabulary: nouns, past-tense facts, the life of a task, and how facts become bytes."""
