"""What the doctor says of one thing: that it is well, or what is wrong with it and what helps."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

__all__ = ["Finding", "State", "broken", "note", "risky", "well"]


class State(Enum):
    """How it is. Only what is broken ends the command with 1."""

    WELL = "well"
    NOTE = "note"  # nothing is wrong, or it could not be looked at
    RISKY = "risky"
    BROKEN = "broken"


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at.

    Attributes:
        code: for programs, such as `layer.away`; it stays as it is.
        state: how it is.
        message: what was seen.
        remedy: what to do; empty where there is nothing to do.
    """

    code: str
    state: State
    message: str
    remedy: str = ""

    def as_dict(self) -> dict[str, str]:
        """Return it as `--json` shows it."""
        return {"code": self.code, "state": self.state.value, "message": self.message, "remedy": self.remedy}


def well(code: str, message: str) -> Finding:
    """Return a finding about what is as it should be."""
    return Finding(code, State.WELL, message)


def note(code: str, message: str, remedy: str = "") -> Finding:
    """Return a finding that is no fault."""
    return Finding(code, State.NOTE, message, remedy)


def risky(code: str, message: str, remedy: str) -> Finding:
    """Return a finding about what works, and may not always."""
    return Finding(code, State.RISKY, message, remedy)


def broken(code: str, message: str, remedy: str) -> Finding:
    """Return a finding about what does not work."""
    return Finding(code, State.BROKEN, message, remedy)
