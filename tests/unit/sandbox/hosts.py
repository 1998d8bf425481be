"""A machine made of a dictionary: paths to what is there."""

import os.path
from pathlib import Path

from interlock.sandbox.hosts import Kind


class FakeHost:
    """`files`: a path to its text, to "-> target" for a link, or to "/" for a folder."""

    def __init__(
        self,
        files: dict[str, str],
        home: str = "/home/ann",
        path: tuple[str, ...] = (),
        sockets: tuple[str, ...] = (),
        private: tuple[str, ...] = (),
    ) -> None:
        self._files = files
        self.home = Path(home)
        self.path = tuple(map(Path, path))
        self.sockets = tuple(map(Path, sockets))
        self.private = tuple(map(Path, private))

    def kind(self, path: Path) -> Kind:
        real = self._parents(path)
        text = self._files.get(str(real))
        if text is None:
            inner = any(name.startswith(f"{real}/") for name in self._files)
            return "folder" if inner or str(real) == "/" else "none"
        return "folder" if text == "/" else "link" if text.startswith("-> ") else "file"

    def link(self, path: Path) -> str:
        return self._files[str(self._parents(path))].removeprefix("-> ")

    def real(self, path: Path) -> Path:
        for _ in range(40):  # links in a circle lead to one of them
            path = self._parents(path)
            text = self._files.get(str(path), "")
            if not text.startswith("-> "):
                break
            path = Path(os.path.normpath(path.parent / text.removeprefix("-> ")))
        return path

    def head(self, path: Path) -> bytes:
        return self._files.get(str(self.real(path)), "").encode()

    def _parents(self, path: Path) -> Path:
        """With every folder on the way resolved, the last part as it is."""
        return path if path == path.parent else self.real(path.parent) / path.name
