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

__all__ = ["BackgroundWorker", "background_worker"]

END_SECONDS: Final = 2.0  # longest wait at the exit of a process for the chunk in hand


class BackgroundWorker:
    """One process's worker, on a thread of its own."""

    def __init__(self) -> None:
        self.reset()

    def reset(self) -> None:
        """Forget everything, as in a process that has just begun."""
        self.thread: threading.Thread | None = None
        self._worker: Worker | None = None
        self._guard = threading.Lock()
        self._is_leaving = False

    @property
    def is_running(self) -> bool:
        """Whether this process has a thread at work."""
        return self.thread is not None and self.thread.is_alive()

    def ensure_running(self) -> None:
        """See that this process has its thread, unless the settings leave sending to others. Cheap; from any thread."""
        if self.is_running:
            return
        with self._guard:
            if self._is_leaving or not settings.send_in_process or self.is_running:
                return
            self._worker = Worker()
            self.thread = threading.Thread(target=self._worker.run, name="notifications-broadcasts", daemon=True)
            self.thread.start()

    def stop(self, wait_seconds: float = 0.0) -> None:
        """Let the thread finish its chunk and end; it is not started again in this process."""
        self._is_leaving = True
        if self._worker is not None:
            self._worker.stop()
        if self.thread is not None and wait_seconds:
            self.thread.join(wait_seconds)


background_worker: Final = BackgroundWorker()
atexit.register(background_worker.stop, END_SECONDS)
os.register_at_fork(after_in_child=background_worker.reset)  # a forked process has none of its parent's threads
