"""The way out of a box: a proxy that knows which hosts it may speak to, and relays to sockets."""
