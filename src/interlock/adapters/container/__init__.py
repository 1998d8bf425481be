"""Boxes of docker or podman, showing the same view of the host; used where one really starts."""
