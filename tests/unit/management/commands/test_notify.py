"""Sending from a shell: the same as from a program, and nothing where something is wrong."""

from __future__ import annotations

import io
from typing import Any

import pytest
from django.contrib.auth.models import Group, User
from django.core.management import CommandError, call_command
from django.db.models import QuerySet

from notifications import segment
from notifications.broadcasts import segments
from notifications.models import Broadcast, Notification

pytestmark = pytest.mark.django_db(transaction=True)


def run(*arguments: str, **options: Any) -> str:
    """Run a command as a shell does; return what it wrote."""
    out = io.StringIO()
    call_command(*arguments, stdout=out, **options)
    return out.getvalue().strip()


def told() -> list[str]:
    """Return who was told, in order."""
    return list(Notification.objects.order_by("recipient__username").values_list("recipient__username", flat=True))


@pytest.fixture
def people(user: User, other_user: User, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two users, one in a group and one in a segment; a third on the staff; a fourth who may not log in."""
    monkeypatch.setattr(segments, "registered", {})
    segment("second")(lambda: User.objects.filter(username="user2"))
    User.objects.create_user("boss", is_staff=True)
    gone = User.objects.create_user("gone", is_staff=True, is_active=False)
    Group.objects.create(name="Editors").user_set.add(user, gone)


@pytest.mark.usefixtures("people")
def test_notify_tells_those_named() -> None:
    """All of them, with every word that was given; nobody else."""
    words = ["--title", "Backup finished", "--body", "In 41 minutes", "--url", "/backups/7/"]
    assert run("notify", "user1", "boss", *words, "--level", "success", "--category", "system") == "Told 2 users."
    assert told() == ["boss", "user1"]
    row = Notification.objects.first()
    assert row is not None
    assert (row.title, row.body, row.url) == ("Backup finished", "In 41 minutes", "/backups/7/")
    assert (row.level, row.category) == ("success", "system")
    assert run("notify", "user2", "--title", "One", "--verbosity", "0") == ""


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["user1", "nobody", "--title", "x"], "There is no user 'nobody'. Nothing was sent."),
        (["user1", "gone", "--title", "x"], "'gone' cannot log in."),
        (["user1", "user1", "--title", "x"], "'user1' is named twice."),
        (["user1", "--title", "  "], "--title: .* Nothing was sent."),
        (["user1", "--title", "x", "--url", "javascript:alert(1)"], "--url: "),
        (["user1", "--title", "x", "--level", "loud"], "--level: "),
        (["user1"], "--title"),
        (["--title", "x"], "username"),
    ],
)
@pytest.mark.usefixtures("people")
def test_notify_refuses_what_is_wrong(arguments: list[str], words: str) -> None:
    """The error names it, and nobody was told."""
    with pytest.raises(CommandError, match=words):
        run("notify", *arguments)
    assert told() == []


@pytest.mark.parametrize(
    ("audience", "names"),
    [
        (["--group", "Editors"], ["user1"]),
        (["--segment", "second"], ["user2"]),
        (["--staff"], ["boss"]),
        (["--everyone"], ["boss", "user1", "user2"]),
    ],
)
@pytest.mark.usefixtures("people")
def test_broadcast_tells_an_audience(audience: list[str], names: list[str]) -> None:
    """A dry run counts and leaves nothing behind; then it is sent, as a broadcast that staff see in the admin."""
    count = f"{len(names)} {'user' if len(names) == 1 else 'users'}"
    assert run("broadcast", *audience, "--title", "Tonight", "--dry-run") == f"This would tell {count}."
    assert (told(), Broadcast.objects.count()) == ([], 0)
    said = run("broadcast", *audience, "--title", "Tonight", "--level", "warning")
    broadcast = Broadcast.objects.get()
    assert said == f"Broadcast {broadcast.pk} is sent: {len(names)} of {len(names)} told."
    assert told() == names
    assert set(Notification.objects.values_list("broadcast", "level")) == {(broadcast.pk, "warning")}


@pytest.mark.usefixtures("people")
def test_broadcast_can_leave_the_sending_to_others() -> None:
    """With --no-wait it is ordered, and a worker sends it."""
    assert run("broadcast", "--everyone", "--title", "Tonight", "--no-wait").endswith("is sending: 0 of 3 told.")
    assert told() == []
    run("send_broadcasts", "--once")
    assert told() == ["boss", "user1", "user2"]


@pytest.mark.usefixtures("people")
def test_broadcast_that_cannot_go_on_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    """A segment that fails is told, before it is ordered and after: a script sees that not everybody was told."""
    asked: list[str] = []

    def fail(times: int) -> None:
        def users() -> QuerySet[User]:
            asked.append("")
            if len(asked) > times:
                raise RuntimeError("the shop is closed")
            return User.objects.all()

        asked.clear()
        monkeypatch.setitem(segments.registered, "moody", users)

    fail(0)
    with pytest.raises(CommandError, match=r"the shop is closed; fix it\. Nothing was sent\."):
        run("broadcast", "--segment", "moody", "--title", "x")
    assert not Broadcast.objects.exists()
    fail(2)  # counted, then checked; as it is sent it fails
    with pytest.raises(CommandError, match=r"cannot go on, 0 of 3 told: The segment 'moody' failed"):
        run("broadcast", "--segment", "moody", "--title", "x")
    assert (Broadcast.objects.get().state, told()) == ("paused", [])


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--segment", "nonsense", "--title", "x"], "Unknown segment “nonsense”"),
        (["--group", "Nobody", "--title", "x"], "There is no group 'Nobody'. Nothing was sent."),
        (["--group", "Empty", "--title", "x"], "This audience has no active users"),
        (["--everyone", "--title", " "], "--title: "),
        (["--everyone", "--staff", "--title", "x"], "not allowed with"),
        (["--title", "x"], "one of the arguments"),
    ],
)
@pytest.mark.usefixtures("people")
def test_broadcast_refuses_what_is_wrong(arguments: list[str], words: str) -> None:
    """The error names it, and nothing was ordered."""
    Group.objects.create(name="Empty")
    with pytest.raises(CommandError, match=words):
        run("broadcast", *arguments)
    assert (told(), Broadcast.objects.count()) == ([], 0)
