"""Follow a user's notifications in a terminal."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
from typing import Any

from django.contrib.auth import get_user_model
from django.core.management.base import BaseCommand, CommandError, CommandParser

from notifications.log.keys import UserKey
from notifications.management.tail import UserDeleted, follow
from notifications.protocol.payloads import Payload
from notifications.protocol.position import Position, Replay, parse_position

__all__ = ["Command"]


class Command(BaseCommand):
    """Show what happens in one user's inbox, as it happens, until Ctrl-C."""

    help = (
        "Follow a user's notifications as their open pages do: reads the log, misses nothing while the database or Redis "
        "is away, and says at the end from where to go on."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        """Say what may be given."""
        parser.add_argument("username", help="whose notifications")
        parser.add_argument("--since", metavar="POSITION", help="show what happened after this first, such as 8198….41")
        parser.add_argument("--json", action="store_true", help="one line of JSON for each event, for programs")

    def handle(self, *args: Any, **options: Any) -> None:
        """Follow.

        Raises:
            CommandError: there is no such user (any more), or the position is none.
        """
        users = get_user_model()._default_manager
        row = users.filter(**{get_user_model().USERNAME_FIELD: options["username"]}).values_list("pk").first()
        if row is None:
            raise CommandError(f"There is no user {options['username']!r}; look the name up in the admin.")
        since = parse_position(options["since"]) if options["since"] is not None else None
        if options["since"] is not None and since is None:
            raise CommandError(f"--since {options['since']!r} is not a position; write one such as 81985529216486.41.")
        self.position = since
        self.as_json = options["json"]
        try:
            asyncio.run(self._follow(row[0], since))
        except UserDeleted:
            raise CommandError(f"The user {options['username']!r} was deleted.") from None
        except BrokenPipeError:  # `| head` has seen enough; nothing more can be written, at the exit neither
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            return
        if self.position is not None and not self.as_json:
            self.stdout.write(f"Go on with --since {self.position}")

    async def _follow(self, user_id: UserKey, since: Position | None) -> None:
        stop, loop = asyncio.Event(), asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, stop.set)
        await follow(user_id, since, show=self.show, complain=self.stderr.write, stop=stop)

    def show(self, replay: Replay, before: Position) -> None:
        """Write what happened."""
        self.position = replay.head.position
        for line in build_json_lines(replay, before) if self.as_json else build_lines(replay, before):
            self.stdout.write(line)
        self.stdout.flush()


def build_json_lines(replay: Replay, before: Position) -> list[str]:
    """Return the frames that a stream would send, one on each line."""
    head = replay.head
    frames: list[dict[str, Any]] = [
        {"event": "change", "id": f"{head.epoch}.{modseq}", "data": json.loads(data)} for modseq, data in replay.changes
    ]
    if replay.snapshot is not None:
        frames = [
            {"event": "reset", "id": str(head.position), "data": {"reason": replay.reason, "snapshot": replay.snapshot}}
        ]
    elif before == head.position:
        frames = [{"event": "hello", "id": str(head.position), "data": {"unread": head.unread, "unseen": head.unseen}}]
    return [json.dumps(frame, ensure_ascii=False) for frame in frames]


def build_lines(replay: Replay, before: Position) -> list[str]:
    """Return what happened for people: a line for each notification, and one for the counters."""
    head = replay.head
    shown: list[str] = []
    if replay.snapshot is not None:
        shown.append(f"--- reset ({replay.reason}): the log cannot be continued from {before}; the latest are")
        shown += [build_line(item) for item in reversed(replay.snapshot["items"])]
    for _modseq, text in replay.changes:
        data = json.loads(text)
        shown += [build_line(item) for item in data["upsert"]]
        shown += [f"- {pk} deleted" for pk in data["gone"]]
    return [*shown, f"--- {head.position}: {head.unread} unread"]


def build_line(item: Payload) -> str:
    """Return one notification on one line, such as `+ 12 warning billing: Invoice overdue /invoices/7/`.

    Without control characters: what a user was sent is not to move anybody's cursor.
    """
    state = "archived" if item["archived_at"] else "read" if item["read_at"] else ""
    progress = item["data"].get("progress")
    done = (
        f"{progress.get('done')}/{progress.get('total')} {progress.get('state')}" if isinstance(progress, dict) else ""
    )
    parts = [f"{item['category']}:", item["title"], item["url"], done, f"({state})" if state else ""]
    text = " ".join(["+", str(item["id"]), item["level"], *(part for part in parts if part)])
    return "".join(each if each.isprintable() else "\N{REPLACEMENT CHARACTER}" for each in text)
