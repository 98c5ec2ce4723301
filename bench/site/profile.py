"""Say where `notify()` spends its time: a program, run against the database of its environment.

    python -m bench.site.profile 1000

Prints JSON: microseconds of one call by the part of the program that took them, as `cProfile` sees it. It makes Python's
calls dearer than they are, and the statements themselves, which are C, not: read it as shares.
"""

from __future__ import annotations

import cProfile
import json
import pstats
import re
import sys
from pathlib import Path

import django

WARM_UPS = 2
REST = "Python's own"
ROOT = Path(__file__).resolve().parents[2]
# What a function belongs to, by its name and the file below the folder it was installed in; the first that fits.
PARTS = (
    (
        "doorbell",
        ("notifications/log/doorbell", "notifications/hub", "channels", "asgiref", "asyncio/", "'send' of '_socket"),
    ),
    ("database", ("CursorWrapper.execute", "'commit' of", "'fetchone' of", "psycopg", "select.", "poll")),
    ("validation", ("core/validators", "notifications/models/validators", "notifications/models/content", "clean")),
    ("our SQL", ("notifications/",)),
    ("Django's models", ("django/db/models",)),
    ("Django's connections", ("django/db",)),
)
INSTALLED = re.compile(r".*/(?:site-packages|python\d\.\d+)/")


def main(count: int) -> dict[str, float]:
    """Profile `count` calls after some that warm up."""
    from django.contrib.auth.models import User

    from notifications import notify

    users = list(User.objects.order_by("pk").values_list("pk", flat=True))
    for user in users * WARM_UPS:
        notify(user, title="warm-up", body="x" * 100)
    profile = cProfile.Profile()
    for turn in range(count):
        user = users[turn % len(users)]
        profile.enable()
        notify(user, title=f"profiled {turn}", body="x" * 100)
        profile.disable()
    found: dict[str, float] = {}
    for (file, _line, name), numbers in pstats.Stats(profile).stats.items():  # type: ignore[attr-defined]
        part = part_of(f"{INSTALLED.sub('', file).removeprefix(f'{ROOT}/')} {name}")
        found[part] = found.get(part, 0.0) + numbers[2]  # seconds of its own
    total = sum(found.values())
    return {"µs": total * 1e6 / count, **{f"{part} %": 100 * found[part] / total for part in [*dict(PARTS), REST]}}


def part_of(function: str) -> str:
    """Return what a function belongs to."""
    return next((part for part, marks in PARTS if any(mark in function for mark in marks)), REST)


if __name__ == "__main__":
    django.setup()
    print(json.dumps(main(int(sys.argv[1]))))
