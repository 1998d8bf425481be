"""What is said before there is a session: who we are, and what an agent says of itself."""

from typing import Final

import msgspec
from acp.meta import PROTOCOL_VERSION
from acp.schema import (
    AgentCapabilities,
    ClientCapabilities,
    Implementation,
    InitializeRequest,
    InitializeResponse,
    SessionCapabilities,
)

from interlock import __version__
from interlock.adapters.acp.messages import read

NAME_MAX: Final = 60
LOGINS_MAX: Final = 1_000


class Greeting(msgspec.Struct, frozen=True):
    """Its name, the ways to log in to it, and how it goes on with an earlier session."""

    name: str = ""
    logins: str = ""
    resumes: bool = False
    loads: bool = False


def our_greeting() -> InitializeRequest:
    """Nothing is offered: agents have tools of their own, and those run in the box."""
    return InitializeRequest(
        protocol_version=PROTOCOL_VERSION,
        client_capabilities=ClientCapabilities(),
        client_info=Implementation(name="interlock", version=__version__),
    )


def greeting_in(result: object) -> Greeting | str:
    """Or what is wrong with it."""
    hello = read(InitializeResponse, result)
    if hello is None:
        return "does not greet as the Agent Client Protocol wants it"
    if hello.protocol_version != PROTOCOL_VERSION:
        return (
            f"speaks version {hello.protocol_version} of the Agent Client Protocol, and this "
            f"release speaks version {PROTOCOL_VERSION}"
        )
    can = hello.agent_capabilities
    if not isinstance(can, AgentCapabilities):  # the SDK mends with a dict
        can = AgentCapabilities()
    sessions = can.session_capabilities
    who = hello.agent_info
    return Greeting(
        name="" if who is None else " ".join((who.title or who.name).split())[:NAME_MAX],
        logins=", ".join(f"{way.id} ({way.name})" for way in hello.auth_methods or ())[:LOGINS_MAX],
        resumes=isinstance(sessions, SessionCapabilities) and sessions.resume is not None,
        loads=bool(can.load_session),
    )
