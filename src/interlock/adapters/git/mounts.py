"""Which kind of file system lies under a folder, by the kernel's own table."""

import os
import re
from pathlib import Path
from typing import Final

MOUNTS: Final = Path("/proc/self/mountinfo")

_NETWORKS: Final = frozenset(
    (
        *("nfs", "nfs4", "cifs", "smb3", "smbfs", "9p", "afs", "ceph", "lustre", "gpfs", "beegfs"),
        *("orangefs", "ocfs2", "gfs2", "coda", "ncpfs", "davfs", "fuse.davfs2", "fuse.sshfs"),
        *("fuse.glusterfs", "fuse.s3fs", "fuse.rclone", "fuse.ceph", "fuse.gcsfuse"),
    )
)
_POINT: Final = 4
_ESCAPE: Final = re.compile(r"\\([0-7]{3})")


def network_file_system(folder: Path, table: Path = MOUNTS) -> str:
    """The name of the network file system that `folder` lies on; nothing if it is a local one.

    A system without such a table is asked nothing: there is no portable way.
    """
    if not table.exists():
        return ""
    real = os.path.realpath(folder)
    best, kind = "", ""
    for line in table.read_text(errors="replace").splitlines():
        before, _, after = line.partition(" - ")
        point = _ESCAPE.sub(lambda match: chr(int(match[1], 8)), before.split(" ")[_POINT])
        inside = real == point or real.startswith(point.rstrip("/") + "/")
        # What was mounted last over the same place is what one sees there.
        if inside and len(point) >= len(best):
            best, kind = point, after.split(" ", 1)[0]
    return kind if kind in _NETWORKS else ""
