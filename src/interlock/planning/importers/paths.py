"""Paths that a sentence names, as patterns for a task's `files`."""

import re
from collections.abc import Iterator
from typing import Final

PATHS_MAX: Final = 50
_PATH_CHARACTERS_MAX: Final = 300
_WORD: Final = re.compile(r"`([^`\n]+)`|([^\s`\"'<>|,;]+)")
_SEGMENT: Final = r"[\w@$.+\-\[\]()*~]+"
_PATH: Final = re.compile(rf"(?:\./)?(?:{_SEGMENT}/)*{_SEGMENT}/?")
_DECORATION: Final = re.compile(r"^(?:\*\*(?!/)|[_(])+")
_EXTENSION: Final = re.compile(r"[^/]*[^/.]\.[A-Za-z][A-Za-z0-9]{0,9}")
_KNOWN: Final = frozenset({
    "astro", "bash", "bat", "c", "cc", "cfg", "conf", "cpp", "cs", "css", "csv", "dart", "env",
    "ex", "exs", "go", "gradle", "graphql", "h", "hpp", "html", "ini", "ipynb", "java", "js",
    "json", "jsx", "kt", "kts", "lock", "lua", "md", "mdx", "mjs", "mk", "php", "proto", "ps1",
    "py", "pyi", "rb", "rs", "rst", "sass", "scala", "scss", "sh", "sql", "svelte", "svg",
    "swift", "tf", "toml", "ts", "tsx", "txt", "vue", "xml", "yaml", "yml", "zig",
})  # fmt: skip
"""A bare word with a dot is a file only under a well-known ending: 'Node.js' and 'e.g' are not."""

_NAMES_NOT_FILES: Final = frozenset({"node.js", "next.js", "vue.js", "three.js", "d3.js"})


def paths_in(text: str) -> tuple[str, ...]:
    """'Model in src/user.py' -> ('src/user.py',); a bare name may lie anywhere.

    Wildcards are taken as they are, brackets as what they are: many a file is called `[id].ts`.
    """
    found = dict.fromkeys(filter(None, map(_pattern, _words(text))))
    return tuple(found)[:PATHS_MAX]


def _words(text: str) -> Iterator[str]:
    for word in _WORD.finditer(text):
        yield from (word[1] or word[2]).split()


def _pattern(word: str) -> str:
    path = _DECORATION.sub("", word.rstrip("*_.,;:!?"))
    if path.count(")") > path.count("("):
        path = path.rstrip(").,;:")
    path = path.removeprefix("./")
    if len(path) > _PATH_CHARACTERS_MAX or not _PATH.fullmatch(path) or not _is_file(path):
        return ""
    path = path.replace("[", "[[]")
    return path if "/" in path else f"**/{path}"


def _is_file(path: str) -> bool:
    parts = path.split("/")
    if ".." in parts or "" in parts[:-1] or path.startswith(("~", "$")):
        return False
    if path.endswith("/"):
        return any(letter.isalnum() for letter in path)
    if _EXTENSION.fullmatch(parts[-1]) is None:
        return False
    known = parts[-1].rpartition(".")[2].lower() in _KNOWN
    return len(parts) > 1 or (known and path.lower() not in _NAMES_NOT_FILES)
