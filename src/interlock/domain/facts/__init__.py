"""What happened, in the past tense: one module per noun, every fact small and frozen."""
