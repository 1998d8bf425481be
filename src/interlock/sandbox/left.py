"""What a box left behind for the host: opened without following, waiting or reading too much."""

import os
import stat
from pathlib import Path


def read_left(path: Path, bytes_max: int, what: str) -> bytes | str | None:
    """Its bytes, or a sentence why it is no file of ours to read, or None where there is none."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except FileNotFoundError:
        return None
    except OSError as error:
        return f"{what} cannot be opened ({error.strerror})"
    try:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            return f"{what} is no regular file"
        with os.fdopen(descriptor, "rb", closefd=False) as file:
            data = file.read(bytes_max + 1)
    finally:
        os.close(descriptor)
    if len(data) > bytes_max:
        return f"{what} is larger than {bytes_max:,} bytes"
    return data
