"""What is told to an author whose change does not go together with what landed meanwhile."""

from typing import Final

from interlock.adapters.git.program import Answer, Bounds
from interlock.adapters.git.raw import shown
from interlock.adapters.git.surroundings import Surroundings
from interlock.domain.ids import CommitId
from interlock.repository.ports import Clash

PATHS_SHOWN_MAX: Final = 8
SIDE_BYTES_MAX: Final = 1_500
DETAIL_CHARS_MAX: Final = 16_000
COMMITS_SHOWN_MAX: Final = 3


async def clash_of(git: Surroundings, ours: CommitId, theirs: CommitId, answer: Answer) -> Clash:
    """From the answer of `merge-tree -z`, with a short difference of both sides for each path."""
    paths, messages = _conflicts(answer.out)
    base = (await git.on_objects("merge-base", ours, theirs)).text
    if not base:
        return Clash((), f"{ours[:12]} and {theirs[:12]} have no common history.")
    parts = [f"From {base[:12]}, {ours[:12]} and {theirs[:12]} went apart:"]
    parts += [f"  {message}" for message in messages]
    for path in paths[:PATHS_SHOWN_MAX]:
        for name, commit in (("target", ours), ("change", theirs)):
            parts.append(await _side(git, f"{name} {commit[:12]}", base, commit, path))
    if len(paths) > PATHS_SHOWN_MAX:
        parts.append(f"... and {len(paths) - PATHS_SHOWN_MAX} more paths")
    detail = "\n".join(parts)
    if len(detail) > DETAIL_CHARS_MAX:
        detail = detail[:DETAIL_CHARS_MAX] + "\n... (cut)"
    return Clash(tuple(map(shown, paths)), detail)


def _conflicts(out: bytes) -> tuple[list[bytes], list[str]]:
    """Read `tree NUL {mode object stage TAB path NUL} NUL {count NUL path.. kind NUL text NUL}`."""
    pieces = out.split(b"\0")
    end = pieces.index(b"", 1) if b"" in pieces[1:] else len(pieces)
    paths = dict.fromkeys(piece.partition(b"\t")[2] for piece in pieces[1:end])
    messages, at = [], end + 1
    while at < len(pieces) and pieces[at].isdigit():
        at += int(pieces[at]) + 1
        kind, text = pieces[at], pieces[at + 1]
        if kind.startswith(b"CONFLICT"):
            messages.append(shown(text).strip())
        at += 2
    return list(paths), messages


async def _side(git: Surroundings, name: str, base: str, commit: CommitId, path: bytes) -> str:
    where = path.decode(errors="surrogateescape")
    bounds = Bounds(out_bytes=SIDE_BYTES_MAX)
    log = ("log", f"-{COMMITS_SHOWN_MAX}", "--format=%h %an: %s", f"{base}..{commit}", "--", where)
    commits = await git.on_objects(*log, bounds=bounds)
    plain = ("--no-ext-diff", "--no-textconv", "--no-renames", "-U1")
    diff = await git.on_objects(
        "diff-tree", "-r", "-p", *plain, base, commit, "--", where, bounds=bounds
    )
    by = "; ".join(commits.out.decode(errors="replace").strip().splitlines())
    text = diff.out.decode(errors="replace").rstrip() or "(not touched under this name)"
    cut = "\n... (cut)" if diff.cut else ""
    return f"\n{name} on {shown(path)}{f' ({by})' if by else ''}:\n{text}{cut}"
