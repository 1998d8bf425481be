"""What people decide: items with a question, a default and a deadline. Others go on meanwhile."""
