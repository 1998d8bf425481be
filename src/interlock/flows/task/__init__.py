"""The life of one task: from submitted to done, with every way back."""
