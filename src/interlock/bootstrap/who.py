"""Who sits at the terminal."""

import os
import pwd

from interlock.domain.actor import Actor


def person() -> Actor:
    """Who sits at the terminal, as the operating system knows them."""
    uid = os.getuid()
    try:
        name = pwd.getpwuid(uid).pw_name
    except KeyError:
        name = f"uid-{uid}"
    return Actor("person", name, "cli")
