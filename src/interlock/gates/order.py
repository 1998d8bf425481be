"""What is asked of the box for one gate, and what its verdicts belong to; pure."""

import hashlib
import shlex
from collections.abc import Mapping
from pathlib import Path
from typing import Final

import msgspec

from interlock.domain.settings import BoxName, GateReader, GateSettings, Settings
from interlock.gates.outbox import Folders
from interlock.gates.readers import VERSION
from interlock.repository.ports import Workspace
from interlock.sandbox.ports import HOME, OUTBOX, WORKSPACE, BoxLimits, BoxOrder, Mount

REPORT_NAMES: Final[Mapping[GateReader, str]] = {
    "junit": "report.xml",
    "sarif": "report.sarif",
    "coverage-xml": "report.xml",
    "exit-code": "report",
}
PATH_WHEN_UNSET: Final = "/usr/local/bin:/usr/bin:/bin"
_SEPARATORS: Final = frozenset({"&&", "||", ";", "|", "&", "(", ")", "{", "}", "!"})
_OURS: Final = frozenset({"HOME", "TMPDIR"})


class GateOptions(msgspec.Struct, frozen=True):
    """What the machine gives to gates. `environment` is the host's, of which boxes see a list.

    `scratch` is where workspaces of gates stand while they run, `hide` what no box may see,
    `programs` what every gate's box must be able to run beside what its command names.
    `constant_paths` is what the kind of box in use promises.
    """

    scratch: Path
    environment: Mapping[str, str] = {}
    hide: tuple[Path, ...] = ()
    programs: tuple[str, ...] = ()
    constant_paths: bool = True
    memory_bytes: int | None = None
    report_bytes_max: int = 32_000_000
    log_bytes_max: int = 1_000_000
    output_bytes_max: int = 20_000_000


class Setting(msgspec.Struct, frozen=True):
    """Where one run happens: the workspace, its folders, and the prepared environment."""

    workspace: Workspace
    folders: Folders
    prepared: tuple[Mount, ...]


def box_order(
    gate: GateSettings, settings: Settings, place: Setting, options: GateOptions
) -> BoxOrder:
    """No network, a short list of variables, writable only where the gate has to write."""
    # Where the box has no paths of its own, only we can quote the one outside for the shell.
    outbox = OUTBOX if options.constant_paths else str(place.folders.outbox)
    command = gate.run.replace("{report}", shlex.quote(f"{outbox}/{REPORT_NAMES[gate.reads]}"))
    mounts = (
        Mount(place.workspace.path, WORKSPACE, writable=True),
        Mount(place.folders.home, HOME, writable=True),
        Mount(place.folders.outbox, OUTBOX, writable=True),
        *(Mount(path, str(path)) for path in place.workspace.shows),
        *place.prepared,
    )
    return BoxOrder(
        # One stream for both, so that the log shows things in the order in which they were said.
        argv=("sh", "-c", 'exec sh -c "$1" gate 2>&1', "gate", command),
        mounts=mounts,
        cwd=WORKSPACE,
        env=box_env(settings, options),
        limits=BoxLimits(
            seconds=gate.timeout_minutes * 60,
            memory_bytes=options.memory_bytes,
            output_bytes=options.output_bytes_max,
        ),
        programs=("sh", *programs_of(gate.run), *options.programs),
        read=tuple(_path(text, options.environment) for text in settings.sandbox.read),
        hide=options.hide,
    )


def box_env(settings: Settings, options: GateOptions) -> dict[str, str]:
    """Complete: what is not here does not exist inside."""
    outside = options.environment
    env = {
        "PATH": outside.get("PATH", PATH_WHEN_UNSET),
        "LANG": outside.get("LANG", "C.UTF-8"),
        "HOME": HOME,
        "TMPDIR": "/tmp",  # noqa: S108 - the box's own
    }
    for name in settings.sandbox.env:
        if name in outside and name not in _OURS:
            env[name] = outside[name]
    return env


def programs_of(command: str) -> tuple[str, ...]:
    """The programs that a command line names, as far as that can be told without running it.

    What lies in the workspace is there anyway. A wrong guess shows a program too many or ends
    with 127 and its sentence.
    """
    lexer = shlex.shlex(command, posix=True, punctuation_chars=True)
    lexer.whitespace_split = True
    names: dict[str, None] = {}
    expects_program = True
    try:
        for word in lexer:
            if word in _SEPARATORS:
                expects_program = True
            elif expects_program and not _is_assignment(word):
                expects_program = False
                if "/" not in word or word.startswith("/"):
                    names[word] = None
    except ValueError:
        return ()
    return tuple(names)


def evidence_key(
    tree: str,
    gate: GateSettings,
    *,
    box: BoxName,
    environment: str,
    sees: tuple[Mapping[str, str], tuple[str, ...]],
) -> str:
    """What evidence belongs to; thresholds are left out, because evidence is judged anew.

    `sees` are the variables and further paths that the box shows: they are environment, too.
    """
    return hashlib.sha256(
        msgspec.json.encode(
            {
                "readers": VERSION,
                "tree": tree,
                "run": gate.run,
                "reads": gate.reads,
                "timeout": gate.timeout_minutes,
                "environment": environment,
                "box": box,
                "sees": sees,
            },
            order="deterministic",
        )
    ).hexdigest()


def _is_assignment(word: str) -> bool:
    name, equals, _ = word.partition("=")
    return bool(equals) and name.isidentifier()


def _path(text: str, environment: Mapping[str, str]) -> Path:
    home = environment.get("HOME")
    if home and (text == "~" or text.startswith("~/")):
        return Path(home + text[1:])
    return Path(text)
