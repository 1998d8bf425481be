"""Which answer a request gets: the step of its script, and the fault that stands in the way."""

import secrets
from collections import Counter

import msgspec

from interlock.testing.models.answers import Answer
from interlock.testing.models.conversation import Asked, Place, place_of
from interlock.testing.models.script import Fault, Scripts, Step, Tokens
from interlock.testing.models.tools import NoSuchTool, as_call

_TITLE = Step(say="Scripted", tokens=Tokens(input=20, output=5))
_DONE = Step(say="Done.", tokens=Tokens(input=20, output=5))


class NotInScript(Exception):
    """No script says what to answer; the message tells what to mend."""


class Reply(msgspec.Struct, frozen=True):
    """The answer, where it stands in a script, and what goes wrong with it."""

    answer: Answer
    place: Place | None
    fault: Fault | None


class Player:
    """Remembers nothing of sessions, only how often a step's faults were met."""

    def __init__(self, scripts: Scripts) -> None:
        self._scripts = scripts
        self._met: Counter[tuple[str, int]] = Counter()
        # A client merges messages of one id, also those of a server that was there before.
        self._run = secrets.token_hex(4)
        self._answers = 0

    def reply(self, asked: Asked) -> Reply:
        """Raises NotInScript."""
        if not asked.tools:
            return Reply(self._answer(_TITLE, asked, None), None, None)
        place = place_of(asked, self._scripts.default)
        if place is None:
            raise NotInScript(f"the prompt names no script; write [[script:NAME]]: {self._known}")
        steps = self._scripts.named.get(place.script)
        if steps is None:
            raise NotInScript(f"there is no script `{place.script}`: {self._known}")
        step = steps[place.step] if place.step < len(steps) else _DONE
        return Reply(self._answer(step, asked, place.folder), place, self._fault(step, place))

    @property
    def _known(self) -> str:
        return f"known are {', '.join(sorted(self._scripts.named)) or 'none'}"

    def _answer(self, step: Step, asked: Asked, folder: str | None) -> Answer:
        self._answers += 1
        try:
            calls = tuple(as_call(operation, asked.tools, folder) for operation in step.do)
        except NoSuchTool as error:
            raise NotInScript(str(error)) from None
        return Answer(f"{self._run}{self._answers}", asked.model, step.say, calls, step.tokens)

    def _fault(self, step: Step, place: Place) -> Fault | None:
        """The n-th request for a step, over all sessions, meets the n-th of its faults."""
        met = self._met[place.script, place.step]
        self._met[place.script, place.step] += 1
        for fault in step.faults:
            if fault.times is None or met < fault.times:
                return fault
            met -= fault.times
        return None
