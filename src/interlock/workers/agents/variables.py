"""What a profile's own words look like once the way to its models is known.

    variables = {OPENAI_BASE_URL = "{model.url}", OPENAI_API_KEY = "{model.key}"}

Filled in once: what is put in is never looked at again. Other braces stay as they are.
"""

import re
from collections.abc import Mapping
from typing import Final

from interlock.domain.settings import AgentProfile
from interlock.workers.agents.ports import AgentRefused
from interlock.workers.models.ports import Access

_PLACE: Final = re.compile(r"\{([a-z.]+)\}")
_OF_MODELS: Final = frozenset({"model", "model.key", "model.url"})


def variables_of(
    profile: AgentProfile, models: Access | None, provider: str = ""
) -> dict[str, str]:
    """The profile's variables for its box; `provider` is meant where the profile names none."""
    known = _known(profile, models, provider)
    return {
        name: _filled_in(value, known, f"the variable {name}", profile)
        for name, value in profile.variables
    }


def words_of(
    profile: AgentProfile, models: Access | None, others: Mapping[str, str] | None = None
) -> tuple[str, ...]:
    """The profile's command line, in the same way; `others` are places that only it has."""
    known = {**_known(profile, models, ""), **(others or {})}
    return tuple(_filled_in(word, known, f"`run` ({word})", profile) for word in profile.run)


def _known(profile: AgentProfile, models: Access | None, provider: str) -> dict[str, str]:
    """What has no value here is not in it."""
    known = {"model": profile.model}
    name = profile.provider or provider
    if models is not None:
        known["model.key"] = models.secret
        known["model.url"] = models.url(name) if name else ""
    return {place: value for place, value in known.items() if value}


def _filled_in(text: str, known: Mapping[str, str], where: str, profile: AgentProfile) -> str:
    """Raises AgentRefused where it asks for something that this profile does not have."""

    def value_of(found: re.Match[str]) -> str:
        if found[1] in known:
            return known[found[1]]
        if found[1] in _OF_MODELS:
            raise AgentRefused(
                f"{where} of the agent profile {profile.name!r} asks for {found[0]}, and there is "
                f"none: {_mend(found[1], profile)}"
            )
        return found[0]

    return _PLACE.sub(value_of, text)


def _mend(place: str, profile: AgentProfile) -> str:
    table = f"[agents.{profile.name}]"
    if place == "model":
        return f"set model under {table}"
    if profile.auth == "login":
        return f'models are reached through us with auth = "key" under {table} only'
    return f"set provider under {table} to the name of a table [models.NAME]"
