"""A goal in words as a question to an agent, and the plan document found in what it answers."""

import re
from collections.abc import Sequence
from typing import Final

import msgspec

from interlock.domain.task import TaskKind

DOCUMENT_NAME: Final = "plan.yaml"
"""What an agent calls the file of its answer, and what faults in it are told by."""

_FENCE: Final = re.compile(r" {0,3}(?P<mark>`{3,}|~{3,})(?P<info>[^\n]*)")
_NOTATIONS: Final = frozenset({"yaml", "yml", "json"})


class Hand(msgspec.Struct, frozen=True):
    """Somebody a plan may give tasks to. No skills: it is taken to have every skill."""

    name: str
    skills: tuple[str, ...] = ()
    person: bool = False


def question(goal: str, hands: Sequence[Hand]) -> str:
    """What an agent is told that shall cut a goal into tasks."""
    return _QUESTION.format(
        goal=goal.strip(),
        hands="\n".join(map(_introduced, hands)),
        first=hands[0].name if hands else "default",
        kinds=" ".join(TaskKind),
        name=DOCUMENT_NAME,
    )


def _introduced(hand: Hand) -> str:
    skills = f"has the skills {', '.join(hand.skills)}" if hand.skills else "can do anything"
    return f"- {hand.name}: {'a person; ' if hand.person else ''}{skills}"


def document_in(words: str) -> str | None:
    """The last fenced block of YAML or JSON that was closed: who was cut off gave no answer.

    A block that names no notation counts where none does.
    """
    named = bare = None
    block: list[str] = []
    mark = info = ""
    for line in words.replace("\r\n", "\n").split("\n"):
        fence = _FENCE.fullmatch(line.rstrip())
        if not mark:
            if fence is not None and "`" not in fence["info"]:
                mark, info, block = fence["mark"], fence["info"].strip().lower(), []
        elif fence is not None and fence["mark"].startswith(mark) and not fence["info"].strip():
            notation = info.split()[0] if info else ""
            if notation in _NOTATIONS:
                named = "\n".join(block) + "\n"
            elif not notation:
                bare = "\n".join(block) + "\n"
            mark = ""
        else:
            block.append(line)
    return bare if named is None else named


_QUESTION: Final = """\
You plan, others do the work. Look at the repository in the working folder and cut this goal into
tasks that coding agents can carry out, many of them at once. Change no file of the repository.

The goal:

{goal}

Answer with a plan document in YAML. If you can write files, write it to the path "$OUTBOX/{name}"
(OUTBOX is an environment variable) and nowhere else. If you cannot, end your answer with the whole
document in one block that begins with ```yaml and ends with ```. It looks like this:

```yaml
goal: Let people log in            # the goal above, in its own words
defaults: {{agent: {first}}}
tasks:
  - id: users-table                # unique: a-z, 0-9 and '-'
    title: A table of users with their password hashes
    prompt: |                      # all that its agent is told: it sees no other task
      Add app/models/user.py with ... Tests in tests/test_user.py prove that ...
    kind: crud                     # the sort of work, one word of the list below
    files: ["app/models/**", "tests/test_user.py"]
    estimate: 20m
  - id: log-in
    title: The endpoint that checks a password and opens a session
    prompt: |
      ...
    kind: auth
    files: ["app/api/login.py", "tests/test_login.py"]
    depends_on: [users-table]
    estimate: 30m
```

What makes a plan good:
- Every task is one small change that can be tested and can land by itself: after each of them, in
  the order of `depends_on`, the project works and its tests pass. Tests belong to the task.
- A task starts from what the tasks before it have landed. Name in `depends_on` what it needs, and
  nothing else: what does not depend on each other is done at the same time.
- Tasks that run at the same time touch different files. Say in `files` what each will touch.
- The prompt names files, functions and the behaviour that is wanted, and how to see that it is
  done. Whoever reads it knows the repository and nothing of this conversation.
- As few tasks as the goal needs; one is enough for a small goal.

Words for `kind`: {kinds}

Who there is for `agent`; with `skills: [...]` a task says what its agent must be able to do:
{hands}

Leave out `gates`, `tests_may_go` and `confidence`: who makes a plan does not say how it is judged.
"""
