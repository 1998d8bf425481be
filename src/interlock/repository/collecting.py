"""What runs inside a box to bring a change out of it; the host never runs git in a workspace.

    box = await sandbox.start(BoxOrder(collect_argv(base, most, shows), mounts, programs=("git",)))
    ...
    match read_outbox(outbox):
        case CollectFailed(why): ...
        case Collected(head=None): ...            # nothing was changed
        case Collected(head=head, pack=pack): await trees.take_in(pack, head, pin)

The program looks at the files, not at what the agent's git says about them: it makes a git
directory of its own in the box's temporary folder, so that a `.git` that was deleted, locked or
turned into a trap changes nothing. What is not committed and not ignored becomes one commit on top
of the agent's HEAD; if that does not descend from the base, or cannot be read, everything becomes
one commit on the base. A repository inside the workspace is brought as plain files and named.

It starts few programs: most of its time is theirs, one to three milliseconds each.

It leaves in the outbox: `change.json` (last and in one piece: a part of it is no JSON),
`change.pack` if there is a change, and `change.nested`, `change.skipped` or `change.failed` with
names or a sentence. Nothing in them is believed: `take_in` checks the pack, and what changed is
asked of the repository afterwards.
"""

import contextlib
import os
import re
import stat
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import msgspec

from interlock.domain.ids import CommitId

PACK: Final = "change.pack"
REPORT: Final = "change.json"
NESTED: Final = "change.nested"
SKIPPED: Final = "change.skipped"
FAILED: Final = "change.failed"

_SMALL_BYTES_MAX: Final = 64_000
_NAMES_MAX: Final = 100
_COMMIT: Final = re.compile(r"[0-9a-f]{40}(?:[0-9a-f]{24})?")

_PROGRAM: Final = r"""
set -u
umask 022
base=$1 most=$2 shows=$3 left_out=$4
out=${OUTBOX:-/outbox} top=$PWD
work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT
for name in json pack nested skipped failed; do
  [ -e "$out/change.$name" ] || [ -L "$out/change.$name" ] || continue
  rm -rf "$out/change.$name"
done
fail() {
  printf '%s\n' "$1" >"$out/change.failed"
  printf '%s\n' "$1" >&2
  exit 1
}
command -v git >/dev/null || fail "there is no git in the box"

case $(set) in
*GIT_*)
  for name in $(env | sed -n 's/^\(GIT_[A-Za-z0-9_]*\)=.*/\1/p'); do unset "$name"; done
  ;;
esac
export HOME="$work" LC_ALL=C GIT_CONFIG_NOSYSTEM=1 GIT_CONFIG_GLOBAL=/dev/null \
  GIT_ATTR_NOSYSTEM=1 GIT_TERMINAL_PROMPT=0 GIT_NO_REPLACE_OBJECTS=1 GIT_LITERAL_PATHSPECS=1 \
  GIT_AUTHOR_NAME=Agent GIT_AUTHOR_EMAIL=agent@localhost \
  GIT_COMMITTER_NAME=Agent GIT_COMMITTER_EMAIL=agent@localhost
unset XDG_CONFIG_HOME

# A git directory that nobody has touched, over the agent's objects and the shared ones.
git_dir=$work/git
mkdir -p "$git_dir/objects/info" "$git_dir/refs" "$git_dir/info" || fail "no room in the box"
echo 'ref: refs/heads/nothing' >"$git_dir/HEAD"
if [ ${#base} -eq 64 ]; then
  printf '[core]\nrepositoryformatversion=1\n[extensions]\nobjectFormat=sha256\n'
else
  printf '[core]\nrepositoryformatversion=0\n'
fi >"$git_dir/config"
printf '[core]\nfilemode=true\nhooksPath=/dev/null\nfsmonitor=false\n[gc]\nauto=0\n' \
  >>"$git_dir/config"
shared_objects() {
  if [ -n "$shows" ]; then printf '%s\n' "$shows"
  else cat .git/objects/info/alternates 2>/dev/null; fi >"$git_dir/objects/info/alternates"
}
shared_objects
[ -f "$top/.git/shallow" ] && cp "$top/.git/shallow" "$git_dir/shallow"
[ -s "$top/.git/info/exclude" ] && [ -f "$top/.git/info/exclude" ] &&
  cat "$top/.git/info/exclude" >"$git_dir/info/exclude"
[ -z "$left_out" ] || printf '\n%s\n' "$left_out" >>"$git_dir/info/exclude"
export GIT_DIR="$git_dir" GIT_WORK_TREE="$top" GIT_INDEX_FILE="$work/index"

# The tree of a commit, and when it was made.
about() {
  git log -1 --format='%T %ct' "$1" >"$work/about" 2>/dev/null && read -r tree when <"$work/about"
}
about "$base" || fail "the base $base cannot be read in the box"
base_tree=$tree base_when=$when
[ -d .git/objects ] && printf '%s\n' "$top/.git/objects" >>"$git_dir/objects/info/alternates"

# Read by hand: whatever stands in the agent's settings, this needs none of them.
agents_head() {
  ulimit -t 1  # seconds of a processor: what is read may be of any length
  [ -f .git/HEAD ] || return 1
  read -r said <.git/HEAD
  case $said in
  'ref: refs/'*)
    ref=${said#ref: }
    case $ref in */../* | */..) return 1 ;; esac
    said=
    if [ -f ".git/$ref" ]; then read -r said <".git/$ref"
    elif [ -f .git/packed-refs ]; then
      while read -r commit name; do [ "$name" = "$ref" ] && said=$commit; done <.git/packed-refs
    fi
    ;;
  esac
  case $said in '' | *[!0-9a-f]*) return 1 ;; esac
  [ ${#said} -eq ${#base} ] || return 1
  printf '%s' "$said"
}

# Repositories inside the workspace, except where they are ignored.
room=1000
: >"$work/nested"
find . -path ./.git -prune -o -name .git -print 2>/dev/null |
  while [ $room -gt 0 ] && IFS= read -r found; do
    printf '%s\n' "$found" && room=$((room - 1))
  done >"$work/found"
[ ! -s "$work/found" ] || sort "$work/found" | while IFS= read -r found; do
  folder=${found%/.git} && folder=${folder#./}
  GIT_LITERAL_PATHSPECS=0 git check-ignore -q --no-index -- "$folder" || printf '%s\n' "$folder"
done >"$work/nested"

# Stages what lies in the folder `$1`, without the repositories inside it.
stage() {
  folder=$1 && shift
  set -- .
  while IFS= read -r inner; do
    case $inner in
    "$folder"/*) set -- "$@" ":(exclude,top,literal)${inner#"$folder"/}" ;;
    *) [ "$folder" = . ] && set -- "$@" ":(exclude,top,literal)$inner" ;;
    esac
  done <"$work/nested"
  GIT_WORK_TREE="$top/$folder" GIT_LITERAL_PATHSPECS=0 \
    git -C "$folder" add -A --ignore-errors -- "$@" 2>"$work/why"
  code=$?
  if [ -s "$work/why" ]; then
    grep -q -e 'No space left' -e 'quota exceeded' "$work/why" && return 1
    [ $code -ne 1 ] || cat "$work/why" >>"$work/skipped"
  fi
  [ $code -le 1 ]
}

# The files as they are, on top of what `$1` holds; the name of the tree goes to `$work/tree`.
snapshot() {
  : >"$work/skipped"
  git read-tree "$1" 2>"$work/why" || return 1
  # Compares contents without storing them: what the shared objects hold is not written again.
  git update-index -q --refresh >/dev/null 2>&1
  stage . || return 1
  # What the agent had staged although it is ignored was meant to be kept.
  if [ -f .git/index ]; then
    GIT_INDEX_FILE="$top/.git/index" \
      git ls-files -z -c -i --exclude-standard >"$work/forced" 2>/dev/null
    [ ! -s "$work/forced" ] ||
      git update-index -z --add --remove --stdin <"$work/forced" 2>/dev/null
  fi
  while IFS= read -r nest; do
    rm -f "$work/inner"
    git rm -r -q --cached --ignore-unmatch -- "$nest" >/dev/null 2>&1
    GIT_INDEX_FILE="$work/inner" stage "$nest" || return 1
    tree=$(GIT_INDEX_FILE="$work/inner" git write-tree 2>"$work/why") || return 1
    git read-tree --prefix="$nest/" "$tree" 2>"$work/why" || return 1
  done <"$work/nested"
  git write-tree >"$work/tree" 2>"$work/why"
}

# `$1` is the parent, `$2` its tree, `$3` its time; packs what lies between the base and `$head`.
bring() {
  head=
  snapshot "$1" && read -r tree <"$work/tree" || return 1
  [ "$tree" != "$base_tree" ] || return 0
  if [ "$tree" = "$2" ]; then head=$1
  else
    # The same files give the same commit, however often they are collected.
    GIT_AUTHOR_DATE="@$3 +0000" GIT_COMMITTER_DATE="@$3 +0000" git commit-tree --no-gpg-sign \
      "$tree" -p "$1" -m "Work that was not committed" >"$work/head" 2>"$work/why" &&
      read -r head <"$work/head" || return 1
  fi
  (
    ulimit -f $((most / 512))  # stops at once, and needs nobody who counts
    exec git pack-objects --revs --thin --stdout -q >"$out/change.pack" 2>"$work/why"
  ) <<END
$head
^$base
END
  [ $? -ne 0 ] || return 0
  [ "$(wc -c <"$out/change.pack")" -lt $((most / 512 * 512)) ] ||
    { rm -f "$out/change.pack"; fail "the change is larger than $((most / 1000000)) MB packed"; }
  return 1
}

parent=$(agents_head)
if [ "$parent" = "$base" ] || ! git merge-base --is-ancestor "$base" "$parent" 2>/dev/null ||
  ! about "$parent"; then parent=$base tree=$base_tree when=$base_when; fi
if ! bring "$parent" "$tree" "$when"; then
  # Without the agent's objects, which may be damaged: everything in one commit on the base.
  shared_objects
  rm -f "$work/index" "$work/index.lock" "$work/inner"
  bring "$base" "$base_tree" "$base_when" ||
    fail "the files cannot be collected: $(head -c 500 "$work/why" | tr '\n' ' ')"
fi
[ -s "$work/nested" ] && cp "$work/nested" "$out/change.nested"
[ -s "$work/skipped" ] && head -c 60000 "$work/skipped" >"$out/change.skipped"
if [ -n "$head" ]; then head="\"$head\""
else head=null && rm -f "$out/change.pack"; fi
printf '{"head": %s}\n' "$head" >"$out/change.json" ||
  { rm -f "$out/change.json"; fail "the outbox cannot be written"; }
"""


class Collected(msgspec.Struct, frozen=True):
    """What a workspace held; no head: nothing was changed.

    `nested` are repositories that stood inside the workspace and came as plain files; `skipped` is
    what git said about files that it could not take. A person should see both.
    """

    head: CommitId | None
    pack: Path | None = None
    nested: tuple[str, ...] = ()
    skipped: str = ""


class CollectFailed(msgspec.Struct, frozen=True):
    """Nothing can be said about the workspace, and why; the workspace is as it was."""

    why: str


class _Report(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The file that the program writes last."""

    head: str | None


def collect_argv(
    base: CommitId,
    packed_bytes_max: int,
    shows: Sequence[Path] = (),
    left_out: Sequence[str] = (),
) -> tuple[str, ...]:
    """The program to run in a box, with the workspace as its folder and `OUTBOX` as its outbox.

    `shows` are the workspace's shared objects; without them a workspace whose `.git` was deleted
    cannot be collected. `left_out` are patterns, as in .gitignore, for what the host put there.
    """
    folders = "\n".join(map(str, shows))
    return (
        "sh", "-c", _PROGRAM, "collect",
        base, str(packed_bytes_max), folders, "\n".join(left_out),
    )  # fmt: skip


def read_outbox(folder: Path) -> Collected | CollectFailed:
    """What the program left; only regular files of a sane size are looked at."""
    try:
        outbox = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
    except OSError as error:
        return CollectFailed(f"The outbox cannot be opened: {error.strerror}.")
    try:
        return _collected(folder, outbox)
    finally:
        os.close(outbox)


def _collected(folder: Path, outbox: int) -> Collected | CollectFailed:
    raw = _read(outbox, REPORT)
    if raw is None:
        said = _text(_read(outbox, FAILED)).strip()
        return CollectFailed(
            f"The change was not brought out of the box: {said or 'no report was left'}."
        )
    try:
        head = msgspec.json.decode(raw, type=_Report).head
    except (msgspec.DecodeError, UnicodeDecodeError):
        return CollectFailed("The report in the outbox cannot be read.")
    nested = tuple(_text(_read(outbox, NESTED)).splitlines()[:_NAMES_MAX])
    skipped = _text(_read(outbox, SKIPPED)).strip()
    if head is None:
        return Collected(None, None, nested, skipped)
    if _COMMIT.fullmatch(head) is None:
        return CollectFailed("The report in the outbox names no commit.")
    if not _is_file(outbox, PACK):
        return CollectFailed("The report in the outbox promises a pack that is not there.")
    return Collected(CommitId(head), folder / PACK, nested, skipped)


def _read(outbox: int, name: str) -> bytes | None:
    """One small file of the outbox; a link, a pipe or a giant counts as absent."""
    flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
    with contextlib.suppress(OSError):
        descriptor = os.open(name, flags, dir_fd=outbox)
        try:
            found = os.fstat(descriptor)
            if stat.S_ISREG(found.st_mode) and found.st_size <= _SMALL_BYTES_MAX:
                return os.read(descriptor, _SMALL_BYTES_MAX)
        finally:
            os.close(descriptor)
    return None


def _is_file(outbox: int, name: str) -> bool:
    try:
        return stat.S_ISREG(os.stat(name, dir_fd=outbox, follow_symlinks=False).st_mode)
    except OSError:
        return False


def _text(raw: bytes | None) -> str:
    return (raw or b"").decode(errors="backslashreplace")
