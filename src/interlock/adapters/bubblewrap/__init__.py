"""Boxes of Linux namespaces, made by bubblewrap: nothing has to be installed or be root."""
