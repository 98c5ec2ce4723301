"""What other parts of the app have a hub do. Registered in `apps.py`, so that the hub knows none of them.

    hooks.every(10.0, mark_stalled)     # asked by each hub, on a thread of its own
    hooks.at_leaving(background_worker.stop)   # when a process is asked to leave, before its streams move on

Both lists are of the process: hubs that begin later take them as they are.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

__all__ = ["Chore", "at_leaving", "chores", "every", "leave"]


class Chore(NamedTuple):
    """What each hub calls again and again. It may block and may ask the database."""

    seconds: float
    run: Callable[[], Any]


chores: list[Chore] = []
leavers: list[Callable[[], Any]] = []


def every(seconds: float, run: Callable[[], Any]) -> None:
    """Have each hub call this at intervals, on one of its threads. Registering it twice is harmless."""
    if (chore := Chore(seconds, run)) not in chores:
        chores.append(chore)


def at_leaving(run: Callable[[], Any]) -> None:
    """Have this called on the event loop when a process is asked to leave; it must not block. Twice is harmless."""
    if run not in leavers:
        leavers.append(run)


def leave() -> None:
    """Call what is to be called when the process leaves."""
    for run in leavers:
        run()
