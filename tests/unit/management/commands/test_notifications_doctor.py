"""The doctor's options, what it writes, and that a part which fails hides no other. What it finds: `integration/`."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator
from typing import Any

import pytest
from django.conf import settings as django_settings
from django.contrib.auth.models import User
from django.core.management import CommandError, call_command
from django.db import DatabaseError, connections

from notifications.management.doctor import channel_layer, database, examination, settings
from notifications.management.doctor.findings import Finding, broken, note, risky, well

pytestmark = pytest.mark.django_db

NAMES = [
    *("System checks", "Keys", "Database", "Channel layer", "Cache", "Static files", "Broadcasts", "Public address"),
]


@pytest.fixture(autouse=True)
def _on_a_developers_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    """DEBUG is on, as it is where static files are not collected."""
    monkeypatch.setattr(django_settings, "DEBUG", True)


def run(*arguments: str) -> str:
    """Run the command; return what it wrote to standard output."""
    out = io.StringIO()
    call_command("notifications_doctor", *arguments, stdout=out, stderr=io.StringIO())
    return out.getvalue()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--url", "example.com"], r"--url 'example\.com' is not an address; write one such as https://example\.com\."),
        (["--url", "ftp://example.com"], "is not an address"),
        (["--user", "user1"], "--user needs --url"),
        (
            ["--url", "http://127.0.0.1", "--user", "nobody"],
            "There is no user 'nobody'; look the name up in the admin.",
        ),
    ],
)
def test_a_wrong_option_is_named(user: User, arguments: list[str], message: str) -> None:
    """With the value, and what to write instead."""
    with pytest.raises(CommandError, match=message):
        run(*arguments)


def test_a_user_who_cannot_log_in_is_named(user: User) -> None:
    """Their token would be refused, which looks like a server with another database."""
    User.objects.filter(pk=user.pk).update(is_active=False)
    with pytest.raises(CommandError, match=f"The user '{user.username}' is not active, so no stream opens; give "):
        run("--url", "http://127.0.0.1", "--user", user.username)


def test_each_part_is_looked_at(user: User) -> None:
    """For people and for programs alike, in one order; a site under test is not broken."""
    document = json.loads(run("--json"))
    assert [part["name"] for part in document["parts"]] == NAMES
    assert document["state"] in ("note", "risky")
    assert all(part["findings"] for part in document["parts"])
    shown = run()
    assert [line for line in shown.splitlines() if line in NAMES] == NAMES


def test_a_part_that_fails_hides_no_other(user: User, monkeypatch: pytest.MonkeyPatch) -> None:
    """What a site's own code raises is shown without its secrets, and so is what the database says."""

    def fail(error: Exception) -> Any:
        def look() -> Iterator[Finding]:
            yield well("first", "The first thing is well.")
            raise error

        return look

    address = "redis://:secret@10.1.0.4:6379/0"
    monkeypatch.setattr(settings, "look_at_keys", fail(ValueError(f"cannot read {address}")))
    monkeypatch.setattr(settings, "look_at_cache", fail(DatabaseError("no such table: cache\n")))
    parts = {part.name: part.findings for part in examination.examine()}
    assert list(parts) == NAMES
    assert [finding.code for finding in parts["Keys"]] == ["first", "unseen"]
    assert "ValueError: cannot read redis://" in parts["Keys"][1].message
    assert "secret" not in parts["Keys"][1].message
    assert parts["Cache"][1].message.endswith("the database refused: no such table: cache")


def test_what_is_broken_ends_with_1(user: User, monkeypatch: pytest.MonkeyPatch) -> None:
    """After everything was said: the codes of what is broken, each once; a risk does not."""
    found = [risky("layer.memory", "It is alone.", "Use Redis.")]
    monkeypatch.setattr(channel_layer, "look", lambda: iter(found))
    assert "  RISKY  It is alone.\n         → Use Redis.\n" in run()
    found += [broken("layer.away", "It is away.", "Start it."), broken("layer.away", "Twice.", "Start it.")]
    out = io.StringIO()
    with pytest.raises(CommandError, match=r"^Broken: layer\.away\.$"):
        call_command("notifications_doctor", stdout=out)
    assert "  BROKEN It is away.\n         → Start it.\n" in out.getvalue()
    assert out.getvalue().splitlines()[-1].endswith(" 2 broken.")


@pytest.mark.parametrize(
    ("pool", "states"),
    [
        (None, []),
        (False, []),
        (True, ["well"]),
        ({"min_size": 1, "max_size": 3}, ["well"]),
        ({"min_size": 1, "max_size": 2}, ["risky"]),
        ({"max_size": 20}, ["well"]),
        ({"min_size": 2}, ["risky"]),
        ({"min_size": 3, "max_size": None}, ["well"]),
        ({}, []),
    ],
)
def test_a_pool_needs_room(pool: Any, states: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """Three are enough (`tests/hosts/test_pools.py`); psycopg gives four. Only the setting is read: no pool is opened."""
    monkeypatch.setitem(connections["default"].settings_dict, "OPTIONS", {"pool": pool})
    assert [finding.state.value for finding in database.look_at_pool("default")] == states


def test_a_finding_for_programs() -> None:
    """Four texts."""
    assert note("unseen", "Not looked at.").as_dict() == {
        "code": "unseen",
        "state": "note",
        "message": "Not looked at.",
        "remedy": "",
    }
