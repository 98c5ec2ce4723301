"""Where a stream continues: from the position that its client brings, or with a reset that says why not."""

from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import override_settings

from notifications import notify
from notifications.endpoints.request import StreamRequest
from notifications.log.replay import inbox_of
from tests.support.asgi import Site

pytestmark = pytest.mark.django_db(transaction=True)


async def test_a_new_stream_begins_with_hello_and_reset(site: Site, user: User, other_user: User) -> None:
    """A client that knows nothing gets `hello` and a snapshot of its own notifications; another user's is empty."""
    sent = await site.do(notify, user, title="Report is ready")
    inbox = await site.do(inbox_of, user)
    mine, other = await site.open(user), await site.open(other_user)

    hello, reset = await mine.next("hello"), await mine.next("reset")

    assert hello.retry is not None
    assert 2000 <= hello.retry <= 5000
    assert hello.data == {"modseq": 0, "epoch": inbox.epoch, "unread": 1, "unseen": 1, "mode": "reset"}
    assert (reset.data["reason"], reset.data["modseq"], reset.data["epoch"]) == ("none", inbox.modseq, inbox.epoch)
    assert [item["id"] for item in reset.data["snapshot"]["items"]] == [sent.pk]
    assert (reset.data["snapshot"]["unread"], reset.data["snapshot"]["unseen"]) == (1, 1)
    assert reset.id == inbox.position
    await other.next("hello")
    assert (await other.next("reset")).data["snapshot"] == {"items": [], "unread": 0, "unseen": 0}


@pytest.mark.usefixtures("bystander")
async def test_hello_before_a_reset_carries_a_position_that_never_resumes(site: Site, user: User) -> None:
    """Cut between `hello` and `reset`, a client that comes back with the id of `hello` gets its reset again."""
    await site.do(notify, user, title="Report is ready")
    hello = await (await site.open(user)).next("hello")
    assert hello.id == f"{hello.data['epoch']}.0"

    again = await site.open(user, last_event_id=hello.id)

    assert (await again.next("hello")).data["mode"] == "reset"
    assert (await again.next("reset")).data["reason"] == "purged"


async def test_the_position_of_a_page_resumes_without_a_reset(site: Site, user: User, other_user: User) -> None:
    """`?since=` at the head gets `hello` at the client's own position and then only what is new, to its owner alone."""
    await site.do(notify, user, title="before")
    inbox = await site.do(inbox_of, user)
    mine = await site.open(user, since=inbox.position)
    other = await site.open(other_user)
    await other.hello()

    hello = await mine.next("hello")
    assert (hello.id, hello.data["mode"], hello.data["modseq"]) == (inbox.position, "resume", inbox.modseq)
    assert (hello.data["unread"], hello.data["unseen"]) == (1, 1)

    sent = await site.do(notify, user, title="after")
    change = await mine.next("change")
    assert (change.data["prev"], change.data["modseq"]) == (inbox.modseq, inbox.modseq + 1)
    assert [item["id"] for item in change.data["upsert"]] == [sent.pk]
    assert change.id == f"{inbox.epoch}.{inbox.modseq + 1}"
    assert other.unseen_events == []


async def test_last_event_id_beats_since(site: Site, user: User, other_user: User) -> None:
    """The browser's own header wins over a query that went stale in the URL."""
    old = (await site.do(inbox_of, user)).position
    await site.do(notify, user, title="seen before the cut")
    new = (await site.do(inbox_of, user)).position
    await site.do(notify, user, title="missed")

    browser = await site.open(user, since=old, last_event_id=new)
    other = await site.open(other_user, since=old, last_event_id=new)

    assert (await browser.next("hello")).id == new
    assert [item["title"] for item in (await browser.next("change")).data["upsert"]] == ["missed"]
    await other.next("hello")
    assert (await other.next("reset")).data["snapshot"]["items"] == []


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        (b"since=7.1", "7.1"),
        (b"lastEventId=7.2", "7.2"),
        (b"since=7.1&lastEventId=7.2", "7.2"),
        (b"lastEventId=7.1&lastEventId=7.2", "7.2"),
        (b"since=7.1&lastEventId=", "7.1"),
        (b"", ""),
    ],
)
def test_a_query_says_a_position_in_two_ways(query: bytes, expected: str) -> None:
    """Clients that cannot set the header write `?lastEventId=`, which is newer than what the page wrote into `?since=`."""
    scope: dict[str, Any] = {"type": "http", "method": "GET", "path": "/", "headers": [], "query_string": query}
    assert StreamRequest.parse(scope).position_text == expected
    scope["headers"] = [(b"last-event-id", b"7.3")]
    assert StreamRequest.parse(scope).position_text == "7.3"


@pytest.mark.usefixtures("bystander")
async def test_an_empty_last_event_id_leaves_since_in_force(site: Site, user: User) -> None:
    """A header without a value says nothing, so the page's position counts."""
    position = (await site.do(inbox_of, user)).position
    browser = await site.open(user, since=position, last_event_id="")
    assert (await browser.next("hello")).data["mode"] == "resume"


@pytest.mark.usefixtures("bystander")
@pytest.mark.parametrize(
    "text",
    ["x", "1", "1.", ".1", "1.2.3", "+1.1", "1.-1", "01.1", "1.01", "1 .1", "%201.1", "1.1%0A", "1e3.1", "9" * 400]
    + ["%D9%A1.%D9%A2", "%C2%B2.1", "1.%EF%BC%91", "1" * 16 + ".1", "1." + "9" * 19, "%00", "%FF", "0.1"],
)
async def test_a_malformed_position_gets_a_reset(site: Site, user: User, text: str) -> None:
    """Whatever is no `<epoch>.<modseq>` in plain digits is answered by a reset that says so, never by an error."""
    browser = await site.open(user, since=text)
    assert (await browser.next("hello")).data["mode"] == "reset"
    assert (await browser.next("reset")).data["reason"] == "malformed"


@pytest.mark.usefixtures("bystander")
async def test_a_malformed_header_gets_a_reset(site: Site, user: User) -> None:
    """Bytes that are no ASCII in `Last-Event-ID` are malformed like any others."""
    browser = await site.open(user, last_event_id="١.٢")
    await browser.next("hello")
    assert (await browser.next("reset")).data["reason"] == "malformed"


async def reset_after(site: Site, user: User, position: str) -> str:
    """Return the reason of the reset that a position gets."""
    browser = await site.open(user, since=position)
    hello, reset = await browser.next("hello"), await browser.next("reset")
    assert (hello.data["mode"], hello.data["modseq"]) == ("reset", 0)
    return str(reset.data["reason"])


async def test_each_break_of_the_log_says_why(site: Site, user: User, other_user: User) -> None:
    """A position of another epoch, ahead of the head, or below the floor is reset with its reason."""
    old = await site.do(inbox_of, user)
    await site.do(lambda: notify(user, title="gone").delete())
    head = await site.do(inbox_of, user)
    other = await site.do(inbox_of, other_user)

    assert await reset_after(site, user, other.position) == "epoch"
    assert await reset_after(site, user, f"{head.epoch}.{head.modseq + 1}") == "ahead"
    assert await reset_after(site, user, f"{head.epoch}.{'9' * 18}") == "ahead"
    assert await reset_after(site, user, old.position) == "purged"


@pytest.mark.usefixtures("bystander")
@override_settings(NOTIFICATIONS_REPLAY_ROWS=3)
async def test_who_is_too_far_behind_gets_a_snapshot(site: Site, user: User) -> None:
    """At the limit the client gets every row; one row more, and it gets a reset."""
    positions = []
    for number in range(4):
        positions.append((await site.do(inbox_of, user)).position)
        await site.do(notify, user, title=f"number {number}")

    assert await reset_after(site, user, positions[0]) == "behind"
    browser = await site.open(user, since=positions[1])
    await browser.next("hello")
    assert len((await browser.next("change")).data["upsert"]) == 3
