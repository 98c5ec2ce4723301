"""Send, take back and expire broadcasts: the worker of a site that does not leave it to the server's processes."""

from __future__ import annotations

import signal
import threading
from typing import Any

from django.core.management.base import BaseCommand, CommandParser
from django.db import router

from notifications.broadcasts.worker import Worker
from notifications.models.broadcast import Broadcast

__all__ = ["Command"]


class Command(BaseCommand):
    """Run a worker until SIGTERM or Ctrl-C, after which it finishes the chunk in hand."""

    help = (
        "Send the broadcasts that are due, take back those that were retracted or have expired, and wait for more. "
        "Several may run, on several machines; one that is killed is replaced after NOTIFICATIONS_SEND_LEASE_SECONDS. "
        "Set NOTIFICATIONS_SEND_IN_PROCESS = False to have the servers leave it to this."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        """Say what may be given."""
        parser.add_argument("--once", action="store_true", help="do what is due now and end, as for a cron job")

    def handle(self, *args: Any, **options: Any) -> None:
        """Work."""
        worker = Worker()
        if options["once"]:
            worker.work_off()
            return
        if options["verbosity"] > 0:
            alias = router.db_for_write(Broadcast)
            self.stdout.write(f"Worker {worker.name} sends what is due in the database {alias!r}. Ctrl-C ends it.")
        thread = threading.Thread(target=worker.run, name="notifications-broadcasts")  # so that signals find this one
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: worker.stop())
        thread.start()
        while thread.is_alive():
            thread.join(1.0)  # in chunks: a join without end would keep signals waiting on some platforms
