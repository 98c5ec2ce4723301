"""The worker within a server's process: one daemon thread, so that `runserver` needs no further process.

Started by the first request that the process serves, so commands, shells and `check` never have one. Off with
`NOTIFICATIONS_SEND_IN_PROCESS = False`, where `manage.py send_broadcasts` runs. It ends with the process: a chunk that was
cut off is rolled back, and whoever comes next goes on behind the last one that was not.
"""

from __future__ import annotations

import atexit
import os
import threading
from typing import Final

from ..conf import settings
from .worker import Worker

__all__ = ["ensure_running", "is_running", "stop"]

END_SECONDS: Final = 2.0  # longest wait at the exit of a process for the chunk in hand

guard = threading.Lock()
thread: threading.Thread | None = None
worker: Worker | None = None
is_leaving = False


def ensure_running() -> None:
    """See that this process has its thread, unless the settings leave sending to others. Cheap; from any thread."""
    global thread, worker
    if thread is not None and thread.is_alive():
        return
    with guard:
        if is_leaving or not settings.send_in_process or (thread is not None and thread.is_alive()):
            return
        worker = Worker()
        thread = threading.Thread(target=worker.run, name="notifications-broadcasts", daemon=True)
        thread.start()


def stop(wait_seconds: float = 0.0) -> None:
    """Let the thread finish its chunk and end; it is not started again in this process."""
    global is_leaving
    is_leaving = True
    if worker is not None:
        worker.stop()
    if thread is not None and wait_seconds:
        thread.join(wait_seconds)


def is_running() -> bool:
    """Return whether this process has a thread at work."""
    return thread is not None and thread.is_alive()


def forget() -> None:
    """Begin anew in a forked process, which has none of its parent's threads."""
    global guard, thread, worker, is_leaving
    guard, thread, worker, is_leaving = threading.Lock(), None, None, False


atexit.register(stop, END_SECONDS)
os.register_at_fork(after_in_child=forget)
