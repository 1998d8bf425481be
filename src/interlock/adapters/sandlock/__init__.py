"""Boxes without namespaces, made by sandlock from Landlock and seccomp: for hardened hosts."""
