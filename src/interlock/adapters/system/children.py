"""How the end of a child process is heard of."""

import asyncio
import os
import sys


def watch_without_threads() -> None:
    """For the running loop and later ones.

    Python 3.11 starts a thread for every child and waits in it; the kernel can tell instead. Later
    versions do this by themselves. A plane starts some sixty programs for each task.
    """
    if sys.version_info >= (3, 12) or sys.platform != "linux":
        return
    try:
        os.close(os.pidfd_open(os.getpid()))
    except OSError:  # an old kernel, or one that a container keeps from it
        return
    watcher = asyncio.PidfdChildWatcher()
    watcher.attach_loop(asyncio.get_running_loop())
    asyncio.get_event_loop_policy().set_child_watcher(watcher)
