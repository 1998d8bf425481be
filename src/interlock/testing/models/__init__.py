"""A model server that plays scripts: real clients of models work against it, with no account.

    scripts = {"fix": (Step(do=(Edit("app.py", "a - b", "a + b"),)), Step(say="Done."))}
    async with ScriptedModels(scripts, key="sk-test") as models:
        ...                      # a client with base URL `models.url` and the prompt
                                 # "Mend add. [[script:fix]]" really edits its app.py
        models.exchanges         # what was asked, answered and told, the oldest first
        models.told()            # the tokens that clients were told of, summed up
        await models.reached("fix", 1)   # returns once the second step was asked for

It speaks Anthropic Messages, OpenAI Responses and Chat Completions, as events and as one document,
under any prefix of the path. It keeps no sessions: the last prompt with a marker names the script,
and the turns with tool calls since then are its steps so far, so a session that is resumed goes on
where it was. A request that offers no tools is a title or a summary and gets plain text.
`python -m interlock.testing.models` serves a file of scripts to programs in any language.

    script.py         what a script may hold           conversation.py   where a session stands
    reading.py        scripts out of YAML or JSON      tools.py          operations as offered tools
    playing.py        which answer a request gets      answers.py        an answer, for any protocol
    anthropic.py, responses.py, chat.py                one protocol each
    exchanges.py      what happened, as a log          http.py, server.py  serving it
"""

from interlock.testing.models.exchanges import Exchange, fingerprint
from interlock.testing.models.reading import read_scripts
from interlock.testing.models.script import (
    Call,
    Drop,
    Edit,
    Fault,
    Malformed,
    Refuse,
    ScriptFaults,
    Scripts,
    Shell,
    Silent,
    Stall,
    Step,
    Tokens,
    Write,
)
from interlock.testing.models.server import ScriptedModels

__all__ = [
    "Call",
    "Drop",
    "Edit",
    "Exchange",
    "Fault",
    "Malformed",
    "Refuse",
    "ScriptFaults",
    "ScriptedModels",
    "Scripts",
    "Shell",
    "Silent",
    "Stall",
    "Step",
    "Tokens",
    "Write",
    "fingerprint",
    "read_scripts",
]
