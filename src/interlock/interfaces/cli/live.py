"""What `run` tells while it goes on; the lines themselves are the front desk's."""

from interlock.control.narration import narrate

__all__ = ["narrate"]
