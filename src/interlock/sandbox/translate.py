"""For kinds of boxes without constant paths: what an order says about the inside, said outside."""

import re
from collections.abc import Mapping
from typing import Final

import msgspec

from interlock.sandbox.ports import BoxOrder

_LOOPBACK: Final = r"(127\.0\.0\.1|localhost|\[::1\]):"


class Translation:
    """Maps the paths of mounts, and the ports of relays, wherever a text mentions them."""

    def __init__(self, folders: Mapping[str, str], ports: Mapping[int, int] = {}) -> None:
        self._folders = dict(folders)
        # The longest first: a mount inside of another one has a place of its own.
        names = sorted(map(re.escape, folders), key=len, reverse=True)
        # Whole names only: neither /workspaces nor /srv/workspace is the workspace.
        pattern = rf"(?<![\w./-])({'|'.join(names)})(?![\w.-])"
        self._path = re.compile(pattern) if names else None
        self._ports = dict(ports)
        numbers = "|".join(map(str, ports))
        self._port = re.compile(rf"{_LOOPBACK}({numbers})(?!\d)") if ports else None

    def text(self, text: str) -> str:
        if self._path is not None:
            text = self._path.sub(lambda found: self._folders[found[1]], text)
        if self._port is not None:
            text = self._port.sub(lambda found: f"{found[1]}:{self._ports[int(found[2])]}", text)
        return text

    def order(self, order: BoxOrder) -> BoxOrder:
        return msgspec.structs.replace(
            order,
            argv=tuple(map(self.text, order.argv)),
            cwd=self.text(order.cwd),
            env={name: self.text(value) for name, value in order.env.items()},
        )
