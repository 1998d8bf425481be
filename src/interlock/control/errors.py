"""What the front desk says no to, as sentences for whoever asked.

DeskError
|-- WrongUsage     the question cannot be answered as it was put
|-- NoHistory      nothing was ever recorded here
|-- NotAllowed     this identity may not ask for that
"""

from interlock.domain.settings import Profile


class DeskError(Exception):
    """Base of what the front desk raises on purpose; a command ends with exit code 2."""


class WrongUsage(DeskError):
    """The question does not fit what is there; the message says what would."""


class NoHistory(DeskError):
    """There is no store: nothing has run here yet."""

    def __init__(self, where: str, repository: str | None, profile: Profile) -> None:
        super().__init__(
            f"nothing has run here yet, so there is no history ({where} does not exist). "
            "Look at a plan with `interlock plan PLAN.yaml`, or see `interlock demo`"
        )
        self.where, self.repository, self.profile = where, repository, profile


class NotAllowed(DeskError):
    """The identity may not give this command."""
