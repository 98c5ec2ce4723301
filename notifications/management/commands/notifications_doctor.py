"""Say what is well and what is not, with what helps (`management/doctor/` looks)."""

from __future__ import annotations

import json
from collections import Counter
from typing import Any, Final
from urllib.parse import urlsplit

from django.contrib.auth import get_user_model
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import DatabaseError

from notifications.management.doctor.examination import Part, examine
from notifications.management.doctor.findings import Finding, State

__all__ = ["Command"]

SHOWN: Final = {State.WELL: "ok", State.NOTE: "–", State.RISKY: "RISKY", State.BROKEN: "BROKEN"}
WIDTH: Final = max(map(len, SHOWN.values()))


class Command(BaseCommand):
    """Look at each part of the site; end with status 1 if something is broken."""

    help = (
        "Say why the bell does not move: look at the system checks, keys, database, channel layer, cache, static files and "
        "broadcasts, and with --url at what browsers get through every proxy. Says of each what is well and what is not, "
        "and what helps. Changes nothing; with --user it makes a token, and deletes it. Ends with status 1 if something is "
        "broken."
    )
    requires_system_checks = []  # it runs them itself, and goes on

    def add_arguments(self, parser: CommandParser) -> None:
        """Say what may be given."""
        parser.add_argument("--url", metavar="ADDRESS", help="the site's public address, such as https://example.com")
        parser.add_argument("--user", metavar="NAME", help="open a stream there, for a minute at most, as this user")
        parser.add_argument("--json", action="store_true", help="one JSON document, for programs")

    def handle(self, *args: Any, **options: Any) -> None:
        """Look, and say.

        Raises:
            CommandError: an option is wrong, or something is broken.
        """
        url = address(options["url"])
        if options["user"] is not None and url is None:
            raise CommandError("--user needs --url: the address at which to open a stream.")
        user = None if options["user"] is None else find_user(options["user"])
        parts = []
        for part in examine(url=url, user=user):
            parts.append(part)
            if not options["json"]:
                self.show(part)
        findings = [finding for part in parts for finding in part.findings]
        counts = Counter(finding.state for finding in findings)
        if options["json"]:
            self.stdout.write(json.dumps(document(parts, counts), ensure_ascii=False, indent=2))
        else:
            self.stdout.write(f"\n{counts[State.WELL]} ok, {counts[State.RISKY]} risky, {counts[State.BROKEN]} broken.")
        if counts[State.BROKEN]:
            raise CommandError(f"Broken: {', '.join(codes(findings, State.BROKEN))}.")

    def show(self, part: Part) -> None:
        """Write what was found in one part, as soon as it is known."""
        self.stdout.write(self.style.MIGRATE_HEADING(part.name))
        styles = {State.RISKY: self.style.WARNING, State.BROKEN: self.style.ERROR, State.WELL: self.style.SUCCESS}
        for finding in part.findings:
            word = styles.get(finding.state, str)(SHOWN[finding.state].ljust(WIDTH))
            self.stdout.write(f"  {word} {finding.message}")
            if finding.remedy:
                self.stdout.write(f"  {' ' * WIDTH} → {finding.remedy}")
        self.stdout.flush()


def address(text: str | None) -> str | None:
    """Return the address of a site's root, or None where none was given."""
    if text is None:
        return None
    parts = urlsplit(text)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise CommandError(f"--url {text!r} is not an address; write one such as https://example.com.")
    return f"{parts.scheme}://{parts.netloc}/"


def find_user(name: str) -> Any:
    """Return the user of this name, who can log in."""
    model = get_user_model()
    try:
        user = model._default_manager.filter(**{model.USERNAME_FIELD: name}).first()
    except DatabaseError as error:
        raise CommandError(
            f"The user {name!r} cannot be looked up: {error} Leave --user out to see the rest."
        ) from None
    if user is None:
        raise CommandError(f"There is no user {name!r}; look the name up in the admin.")
    if not getattr(user, "is_active", True):
        raise CommandError(f"The user {name!r} is not active, so no stream opens; give somebody who can log in.")
    return user


def codes(findings: list[Finding], state: State) -> list[str]:
    """Return the codes of what is in this state, each once, in order."""
    return list(dict.fromkeys(finding.code for finding in findings if finding.state is state))


def document(parts: list[Part], counts: Counter[State]) -> dict[str, Any]:
    """Return what `--json` writes: {"state": "risky", "parts": [{"name": …, "findings": [{"code": …, "state": …}]}]}."""
    worst = next(state for state in reversed(State) if counts[state])
    return {
        "state": worst.value,
        "parts": [{"name": part.name, "findings": [each.as_dict() for each in part.findings]} for part in parts],
    }
