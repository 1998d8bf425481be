"""Goes into the namespaces of a process, listens there on 127.0.0.1, sends the sockets back.

    python -I -S listener.py <pid> <descriptor of a Unix socket> <port...>

A program of its own, because a process with threads cannot enter a user namespace. A bare
interpreter reads this file, so it imports nothing of ours.
"""

import ctypes
import fcntl
import os
import socket
import sys

_CLONE_NEWUSER = 0x10000000
_CLONE_NEWNET = 0x40000000
_NS_GET_USERNS = 0xB701


def main() -> None:
    pid, answer, *ports = map(int, sys.argv[1:])
    libc = ctypes.CDLL(None, use_errno=True)
    network = os.open(f"/proc/{pid}/ns/net", os.O_RDONLY)
    # Not the user namespace of the process: bubblewrap may put it one deeper, to change its uid.
    owner = fcntl.ioctl(network, _NS_GET_USERNS)
    for kind, descriptor in ((_CLONE_NEWUSER, owner), (_CLONE_NEWNET, network)):
        if libc.setns(descriptor, kind) != 0:
            sys.exit(f"its namespace cannot be entered: {os.strerror(ctypes.get_errno())}")
    listening = [socket.create_server(("127.0.0.1", port)) for port in ports]
    with socket.socket(fileno=answer) as door:
        socket.send_fds(door, [b"."], [each.fileno() for each in listening])


if __name__ == "__main__":
    main()
