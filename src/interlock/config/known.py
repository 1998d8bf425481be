"""Every table and setting of the file, in the order in which the reference shows them.

The check of names, the list of what this release does not act on, and the reference page come from
here, so that they cannot differ.
"""

from collections.abc import Mapping
from typing import Final

import msgspec


class Known(msgspec.Struct, frozen=True):
    """One setting: how it is written, what holds without it ("" where it must be there)."""

    name: str
    kind: str
    default: str
    meaning: str
    acted_on: bool = True


class Table(msgspec.Struct, frozen=True):
    """One table; a `named` one comes once per name that the person chooses."""

    meaning: str
    settings: tuple[Known, ...]
    named: bool = False
    acted_on: bool = True

    @property
    def names(self) -> frozenset[str]:
        return frozenset(setting.name for setting in self.settings)


_NONE: Final = "none"

TABLES: Final[Mapping[str, Table]] = {
    "project": Table(
        "The branch that stays green, and how changes get onto it.",
        (
            Known("target", "branch", "the one checked out", "The branch that changes land on."),
            Known("remote", "text", _NONE, "Pushed to, with a lease, before the branch moves."),
            Known(
                "boundary",
                "record, refuse",
                "record",
                "What becomes of a change outside its task's `files`.",
            ),
            Known(
                "land",
                "squash, merge",
                "squash",
                "One commit per task, or a merge that keeps the worker's commits.",
            ),
        ),
    ),
    "limits": Table(
        "How much at once, and how often.",
        (
            Known("workers", "count", "10", "Attempts at once; `--parallel` goes before it."),
            Known("gates", "count", "the cores", "Gates at once."),
            Known("parallel_stages", "count", "4", "Stages at once in a run's explicit groups."),
            Known("max_attempts", "count", "3", "Attempts that a task may spend."),
            Known("disk", "size", "10GB", "Of all workspaces and homes together."),
            Known("wall_time", "duration", "4h", "No attempt runs longer, whatever its profile."),
            Known(
                "tokens_per_task", "count", "5,000,000", "Cap on a task's tokens, priced or not."
            ),
            Known("cost_usd_per_task", "amount", "5.0", "Cap on a task's cost."),
            Known("cost_usd_per_run", "amount", "20.0", "Cap on a run's cost."),
            Known("cost_usd_per_day", "amount", "100.0", "Cap on a day's cost."),
        ),
    ),
    "agents": Table(
        "One way to have work done; a task names it as `agent`.",
        (
            Known(
                "backend",
                "claude, codex, acp, command, human, scripted",
                "",
                "Who does the work. `scripted` plays a script and is labelled as simulated.",
            ),
            Known(
                "run",
                "list or text",
                _NONE,
                "The program; command and acp need it, others find theirs.",
            ),
            Known("script", "path", _NONE, "The script in the repository; needed by scripted."),
            Known("timeout", "duration", "45m", "How long one attempt may take."),
            Known("skills", "list", "every skill", "What tasks may ask of it."),
            Known("env", "list", _NONE, "Variables of yours that its box sees."),
            Known("network", "list", _NONE, "Hosts that its box reaches: `name` or `name:port`."),
            Known("model", "text", _NONE, "The model that it works with."),
            Known("auth", "key, login", "key", "How it proves who pays."),
            Known(
                "provider",
                "name",
                "anthropic for claude, openai else",
                "The table of [models] that its traffic goes to.",
            ),
            Known(
                "variables",
                "table",
                _NONE,
                "Variables set in its box; `{model.url}`, `{model.key}`, `{model}` are filled in.",
            ),
            Known("allow", "list", "all inside a box", "Tools it may use: `Tool`, `Tool(glob)`."),
            Known("deny", "list", _NONE, "Tools it may not use; goes before `allow`."),
            Known("question_wait", "duration", "5m", "How long an open question keeps its worker."),
        ),
        named=True,
    ),
    "gates": Table(
        "One proof that a change must pass; a command in a box without a network.",
        (
            Known("run", "text or list", "", "A shell command; `{report}` is where it reports."),
            Known(
                "reads",
                "junit, sarif, coverage-xml, exit-code",
                "exit-code",
                "How its evidence is read; all but exit-code need `{report}` in `run`.",
            ),
            Known(
                "fail_on",
                "note, warning, error",
                _NONE,
                "The lowest level of a new result that fails; sarif needs it.",
            ),
            Known(
                "min",
                "percent",
                _NONE,
                "The share of changed lines that must be covered; coverage-xml needs it.",
            ),
            Known("timeout", "duration", "10m", "How long it may take."),
        ),
        named=True,
    ),
    "sandbox": Table(
        "What boxes must hold, and what they may see beyond the usual.",
        (
            Known(
                "minimum",
                "bubblewrap, container, sandlock, none",
                "the strongest that starts, never none",
                "The weakest kind of box that will do.",
            ),
            Known("network", "list", _NONE, "Hosts that every agent's box reaches."),
            Known("read", "list", _NONE, "More paths that a box may read: absolute or `~/`."),
            Known("env", "list", _NONE, "More of your variables that a box may see."),
        ),
    ),
    "prepare": Table(
        "Builds what every workspace needs, once, and keeps it.",
        (
            Known("run", "text or list", "", "The shell command that builds it."),
            Known("from", "list", "", "Files that decide when it must be built anew."),
            Known("keeps", "list", "", "Files and folders that are kept and shown."),
            Known("network", "list", _NONE, "Hosts that its box reaches."),
        ),
    ),
    "store": Table(
        "Where the history lives.",
        (
            Known("profile", "solo, fleet", "solo", "One machine, or servers that many share."),
            Known("on_loss", "exit, wait", "exit", "What to do when a configured part is gone."),
            Known("postgres", "address", _NONE, "PostgreSQL; needed by fleet."),
            Known("nats", "address", _NONE, "NATS; needed by fleet."),
            Known("blobs", "address", _NONE, "An S3-compatible store; needed by fleet."),
        ),
    ),
    "routing": Table(
        "When a person is asked first.",
        (
            Known("auto_threshold", "percent", "70", "From this score on a task goes by itself."),
            Known(
                "review_next_n_after_failure",
                "whole number",
                "3",
                "How many tasks a person looks at after a failure.",
            ),
        ),
        acted_on=False,
    ),
    "models": Table(
        "Where the model gateway finds a provider; the keys never enter a box.",
        (
            Known("base_url", "address", "", "Where it answers."),
            Known("key_env", "variable", "", "The variable that holds the key."),
        ),
        named=True,
    ),
    "prices": Table(
        "US dollars per million tokens, before the shipped table.",
        (
            Known("input", "amount", "", "Of what is sent."),
            Known("output", "amount", "", "Of what comes back."),
            Known("cached", "amount", "as input", "Of what a cache had."),
            Known("cache_write", "amount", "as input", "Of what is put into a cache."),
        ),
        named=True,
    ),
}
