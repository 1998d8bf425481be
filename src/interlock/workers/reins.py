"""What one attempt is told while it runs: hold still, go on, end."""

import asyncio


class Reins:
    """Set by whoever hears the plane, looked at by whoever follows the agent.

    Only the newest wish counts; an end is for good. `holds_still` is what really is, `asking` the
    question that waits for a person.
    """

    def __init__(self) -> None:
        self.shall_hold = False
        self.end = ""
        self.holds_still = False
        self.asking = ""
        self._answers: dict[str, str] = {}
        self._told = asyncio.Event()

    def freeze(self) -> None:
        self.shall_hold = True
        self.wake()

    def thaw(self) -> None:
        self.shall_hold = False
        self.wake()

    def interrupt(self, why: str) -> None:
        self.end = self.end or why
        self.wake()

    def answer(self, question: str, answer: str) -> None:
        self._answers[question] = answer
        self.wake()

    def answered(self, question: str) -> str | None:
        """What a person said to it, once."""
        return self._answers.pop(question, None)

    def wake(self) -> None:
        self._told.set()

    async def told(self, timeout_seconds: float) -> None:
        """Return at the next word, or when the time is over."""
        try:
            async with asyncio.timeout(max(timeout_seconds, 0)):
                await self._told.wait()
        except TimeoutError:
            return
        self._told.clear()
