"""How two real agents of the protocol are set up, and one of the tests' own that misbehaves."""

import importlib.util
from pathlib import Path
from typing import Final

from interlock.domain.settings import AgentProfile
from tools.test_clients import Clients


def claude_profile(clients: Clients) -> AgentProfile:
    """The adapter of the protocol for Claude Code, around the program that a Python package has."""
    package = importlib.util.find_spec("claude_agent_sdk")
    assert package is not None, "pip install -e '.[test]'"
    assert package.origin is not None
    program = Path(package.origin).with_name("_bundled") / "claude"
    return AgentProfile(
        "default",
        "acp",
        run=(clients.node, clients.program("claude-agent-acp")),
        model="claude-opus-4-5",
        provider="anthropic",
        variables=(
            ("ANTHROPIC_BASE_URL", "{model.url}"),
            ("ANTHROPIC_API_KEY", "{model.key}"),
            ("ANTHROPIC_MODEL", "{model}"),
            ("CLAUDE_CODE_EXECUTABLE", str(program)),
            ("CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC", "1"),
            ("DISABLE_AUTOUPDATER", "1"),
            ("IS_SANDBOX", "1"),
        ),
    )


def qwen_profile(clients: Clients) -> AgentProfile:
    """Qwen Code, which speaks Chat Completions; `--bare`: nothing of what the repository brings."""
    return AgentProfile(
        "default",
        "acp",
        run=(clients.node, clients.program("qwen"), "--acp", "--bare", "--auth-type", "openai"),
        model="scripted",
        provider="openai",
        variables=(
            ("OPENAI_BASE_URL", "{model.url}/v1"),
            ("OPENAI_API_KEY", "{model.key}"),
            ("OPENAI_MODEL", "{model}"),
        ),
    )


FAKE: Final = """
import json, os, sys, time

def say(**fields):
    sys.stdout.write(json.dumps({"jsonrpc": "2.0", **fields}) + "\\n")
    sys.stdout.flush()

def heard():
    return json.loads(sys.stdin.readline())

def asked(method):
    while True:
        document = heard()
        if document.get("method") == method:
            told.update(document["params"])
            return document["id"]

def update(**fields):
    say(method="session/update", params={"sessionId": "s", "update": fields})

def speak(text):
    update(sessionUpdate="agent_message_chunk", content={"type": "text", "text": text})

def file(what, path, **more):
    say(id=path, method=f"fs/{what}_text_file", params={"sessionId": "s", "path": path, **more})
    answer = heard()
    assert answer["id"] == path
    return answer["result"] if "result" in answer else answer["error"]["message"]

told = {}
open("begun.txt", "w").close()
if sys.argv[1] == "nonsense":
    for _ in range(50):
        sys.stdout.buffer.write(os.urandom(80) + b"\\n{\\"method\\":\\n[1]\\n")
    sys.exit()
say(id=asked("initialize"), result={"protocolVersion": 1})
say(id=asked("session/new"), result={"sessionId": "s"})
turn = asked("session/prompt")
match sys.argv[1]:
    case "fail":
        speak("I cannot go on.")
        say(id=turn, result={"stopReason": "refusal"})
    case "flood":
        while True:
            speak("x" * 100_000)
    case "files":
        os.symlink(sys.argv[2], "out")
        os.mkfifo("pipe")
        answers = [
            file("write", "/workspace/deep/a.txt", content="one\\ntwo\\nthree\\n"),
            file("read", "/workspace/deep/a.txt", line=2, limit=1),
            file("read", "/workspace/out/secret"),
            file("write", "/workspace/out/planted", content="x"),
            file("read", "/etc/hostname"),
            file("read", "/workspace/pipe"),
        ]
        with open("answers.json", "w") as out:
            json.dump(answers, out)
        say(id=turn, result={"stopReason": "end_turn"})
    case "giant":
        update(sessionUpdate="telepathy", text="x" * 5_000_000)
        answer = file("write", "/workspace/big.txt", content="x" * 3_000_000)
        assert "smaller steps" in answer, answer
        speak("I am still here.")
        say(id=turn, result={"stopReason": "end_turn"})
    case "where":
        speak(told["cwd"])
        say(id=turn, result={"stopReason": "end_turn"})
    case "stays":
        say(id=turn, result={"stopReason": "end_turn"})
        time.sleep(86_400)
    case "deaf":
        time.sleep(86_400)
"""
