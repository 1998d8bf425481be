"""One whole replay: read a history, loop over it, run it in some order, judge what came of it."""

from collections.abc import Sequence
from pathlib import Path

import msgspec

from interlock.testing.replaying.history import Step, read_steps, tree_of
from interlock.testing.replaying.joining import Joined, joined
from interlock.testing.replaying.judging import Findings, look
from interlock.testing.replaying.loops import Looped, run_loop
from interlock.testing.replaying.plans import Order
from interlock.testing.replaying.playing import Played, play
from interlock.testing.replaying.proving import Prover
from interlock.testing.replaying.yards import Wish, Yard


class Outcome(msgspec.Struct, frozen=True):
    """What one order came to."""

    order: Order
    played: Played
    findings: Findings


class Rehearsal:
    """A history that was read, looped over once, and can be run in any order."""

    def __init__(self, folder: Path, source: Path, wanted: str, wish: Wish) -> None:
        self.wish = wish
        self.yard = Yard(folder, source)
        self.all_steps = read_steps(self.yard.mirror, wanted)
        self.base = self.all_steps[0].before
        self._prover = Prover(folder / "proving", self.yard.objects, wish.test)
        self.joined, self.loop = self._looped()

    @property
    def steps(self) -> tuple[Step, ...]:
        return self.joined.steps

    def run(self, order: Order) -> Outcome:
        root = self.yard.repository(order, self.base)
        plan = self.yard.furnish(root, self.steps, order, self.wish)
        played = play(root, plan, self.wish.seconds_max)
        return Outcome(order, played, look(root, self.base, self.steps, played, self._prover))

    def _looped(self) -> tuple[Joined, Looped]:
        """Over every commit; once more over what was joined, where commits are red on their own."""
        base = self._prover.seen(self.base)
        first = self._loop("loop", self.all_steps)
        found = joined(self.yard.mirror, base, self.all_steps, first.seen)
        if not found.steps:
            raise ValueError("no commit of this range passes its tests here, so nothing can land")
        if [step.after for step in found.steps] == [step.after for step in self.all_steps]:
            return found, first
        return found, self._loop("loop-joined", found.steps)

    def _loop(self, name: str, steps: Sequence[Step]) -> Looped:
        self.yard.lay_out(steps)
        looped = run_loop(self.yard, self.yard.repository(name, self.base), steps, self.wish)
        for step, seen in zip(steps, looped.seen, strict=True):
            self._prover.known[tree_of(self.yard.mirror, step.after)] = seen
        return looped
