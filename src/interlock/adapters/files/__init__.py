"""Plain files: blobs named by their content, and an operating-system lock as the right to act."""
