"""django-eventstream's own view over our log, on real servers: live, replayed, and nobody else's."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import pytest

from tests.support.follower import Follower
from tests.support.redis import Redis
from tests.support.servers import Person, Server, Site
from tests.support.visit import Visit

pytestmark = pytest.mark.asyncio(loop_scope="session")

AT_ONCE_SECONDS = 12.0  # milliseconds as a rule, on a busy machine seconds; the sweepers sleep for an hour
CHANGES, BATCH = 200, 20


@pytest.fixture(params=["daphne", "uvicorn"])
def server(request: pytest.FixtureRequest) -> Server:
    """Each server in turn; both must behave the same."""
    server: Server = request.getfixturevalue(request.param)
    return server


def events_at(server: Server, *channels: str) -> str:
    """Return the address of its view for these channels; without any it is the user's own."""
    return f"{server.url}/events/?{'&'.join(f'channel={channel}' for channel in channels)}"


async def cookie_of(server: Server, person: Person) -> str:
    """Log somebody in; return their cookies."""
    async with Visit(server.url) as visit:
        await visit.login(person)
        return visit.cookie


async def opened(follower: Follower) -> None:
    """Wait until its view has read where the client stands."""
    await follower.until(lambda mine: len(mine.named("stream-open")) + len(mine.named("stream-error")))


@pytest.mark.parametrize("names_it", [True, False])
async def test_a_user_follows_their_own_inbox(
    server: Server, site: Site, user: Person, other: Person, names_it: bool
) -> None:
    """What another process writes arrives as a change with its id, at its user only, whether or not the URL names them."""
    mine_url = events_at(server, *([f"user-{user.pk}"] if names_it else []))
    async with (
        Follower(mine_url, cookie=await cookie_of(server, user)) as mine,
        Follower(events_at(server), cookie=await cookie_of(server, other)) as theirs,
    ):
        await opened(mine)
        await opened(theirs)
        modseq = await site.acall("notify(user, title='Over there').modseq", user=user.pk)
        event = await mine.knows("Over there")
        assert event.name == "change"
        change = json.loads(event.data)
        assert (change["prev"], change["modseq"], change["unread"]) == (modseq - 1, modseq, 1)
        epoch = await site.acall("Inbox.objects.get(pk=user).epoch", user=user.pk)
        assert event.last_event_id == f"user-{user.pk}:{epoch}{modseq:019d}"
        await site.acall("notify(user, title='Your turn').pk", user=other.pk)
        await theirs.knows("Your turn")
        assert len(theirs.named("change")) == 1


async def test_it_continues_after_the_last_id(server: Server, site: Site, user: Person) -> None:
    """Who was away gets what happened meanwhile, each change once, also by `lastEventId` in the URL."""
    cookie = await cookie_of(server, user)
    async with Follower(events_at(server), cookie=cookie) as mine:
        await opened(mine)
        await site.acall("notify(user, title='before').pk", user=user.pk)
        await mine.knows("before")
        last = mine.last_event_id
    await site.acall("[notify(user, title=f'away {number}').pk for number in range(3)]", user=user.pk)
    for url, header in ((events_at(server), last), (f"{events_at(server)}&lastEventId={last}", "")):
        async with Follower(url, cookie=cookie, last_event_id=header) as mine:
            await mine.knows("away 2")
            titles = [item["title"] for change in mine.data_of("change") for item in change["upsert"]]
            assert titles == ["away 0", "away 1", "away 2"]
            assert not mine.named("stream-reset")


@pytest.mark.parametrize("channel", ["user-{other}", "user-0{user}", "user-", "inbox", "user-{user} ", "public-secret"])
async def test_other_channels_are_refused(server: Server, user: Person, other: Person, channel: str) -> None:
    """A channel that is not the user's own is denied, alone or beside their own, and nothing of it is sent."""
    name = channel.format(user=user.pk, other=other.pk)
    for channels in ([name], [f"user-{user.pk}", name]):
        async with Follower(events_at(server, *channels), cookie=await cookie_of(server, user)) as mine:
            await opened(mine)
            [error] = mine.data_of("stream-error")
            assert error["condition"] == "forbidden"
            assert error["channels"] == [name]


async def test_nobody_reads_an_inbox_without_logging_in(server: Server, site: Site, user: Person) -> None:
    """Without a session, a user's channel is denied; no channel is an error, and so is what only a proxy may ask."""
    recovering = f"{events_at(server, 'public-status')}&recover=true"  # its view expects an edge proxy to say the rest
    for url, condition in (
        (events_at(server, f"user-{user.pk}"), "forbidden"),
        (events_at(server), "bad-request"),
        (recovering, "bad-request"),
    ):
        async with Follower(url) as mine:
            await opened(mine)
            assert mine.data_of("stream-error")[0]["condition"] == condition


@pytest.mark.parametrize("change", ["epoch", "purged", "malformed", "of another format", "ahead", "huge"])
async def test_what_cannot_be_continued_is_a_reset(server: Server, site: Site, user: Person, change: str) -> None:
    """History that was replaced or deleted, and ids that nobody was given, reset the client once; then it goes on live."""
    await site.acall("notify(user, title='one').pk", user=user.pk)
    epoch, modseq = await site.acall("list(Inbox.objects.values_list('epoch', 'modseq').get(pk=user))", user=user.pk)
    number = f"{epoch}{modseq:019d}"
    if change == "epoch":
        await site.acall("Inbox.objects.filter(pk=user).update(epoch=5)", user=user.pk)
    if change == "purged":
        await site.acall("Notification.objects.for_user(user).delete()[0]", user=user.pk)
    number = {"malformed": "x", "ahead": f"{epoch}{modseq + 9:019d}", "huge": "9" * 5000}.get(change, number)
    last = f"{epoch}.{modseq}" if change == "of another format" else f"user-{user.pk}:{number}"
    async with Follower(events_at(server), cookie=await cookie_of(server, user), last_event_id=last) as mine:
        await mine.until(lambda mine: mine.named("stream-reset"))
        assert mine.data_of("stream-reset") == [{"channels": [f"user-{user.pk}"]}]
        await site.acall("notify(user, title='after').pk", user=user.pk)
        await mine.knows("after")
        assert len(mine.named("stream-reset")) == 1


async def test_the_end_of_a_session_ends_it(server: Server, user: Person, other: Person) -> None:
    """After a logout the stream ends with an error within one ping, and the other user's goes on."""
    async with Visit(server.url) as visit:
        await visit.login(user)
        async with (
            Follower(events_at(server), cookie=visit.cookie) as mine,
            Follower(events_at(server), cookie=await cookie_of(server, other)) as theirs,
        ):
            await opened(mine)
            await opened(theirs)
            await visit.logout()
            await mine.until(lambda mine: mine.ends)
            assert mine.data_of("stream-error")[0]["condition"] == "forbidden"
            assert not theirs.ends


async def test_one_user_has_so_many_streams(site: Site, user: Person) -> None:
    """A stream more than NOTIFICATIONS_STREAMS_PER_USER is refused; one that was closed makes room."""
    server = site.uvicorn(NOTIFICATIONS_STREAMS_PER_USER=2)
    cookie = await cookie_of(server, user)
    async with Follower(events_at(server), cookie=cookie) as first:
        await opened(first)
        async with Follower(events_at(server), cookie=cookie) as second:
            await opened(second)
            async with Follower(events_at(server), cookie=cookie) as third:
                await opened(third)
                assert "2 streams open" in third.data_of("stream-error")[0]["text"]
        async with asyncio.timeout(AT_ONCE_SECONDS):
            while await is_refused(server, cookie):  # until the server has noticed that the second has gone
                pass


async def is_refused(server: Server, cookie: str) -> bool:
    """Return whether one more stream is refused."""
    async with Follower(events_at(server), cookie=cookie) as follower:
        await opened(follower)
        return bool(follower.named("stream-error"))


@pytest.fixture(scope="module")
def redis(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Redis]:
    """The Redis that connects this module's servers."""
    with Redis(tmp_path_factory.mktemp("redis")) as redis:
        yield redis


@pytest.fixture(scope="module")
def wide(blank: Path, redis: Redis, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """A site whose processes ring each other, and whose sweepers come too late to be of help."""
    settings = {"NOTIFICATIONS_SWEEP_SECONDS": 3600.0}
    with Site(tmp_path_factory.mktemp("site"), blank=blank, redis_url=redis.url, settings=settings) as site:
        yield site


@pytest.mark.parametrize("program", ["daphne", "uvicorn"])
async def test_the_doorbell_of_another_process_is_heard_at_once(wide: Site, program: str) -> None:
    """Over Redis a change of any process shows at once, long before a sweep: every kind, each once, in order."""
    user = wide.add_person("user")
    server = getattr(wide, program)()
    async with Follower(events_at(server), cookie=await cookie_of(server, user)) as mine:
        await opened(mine)
        before = time.monotonic()
        pk = await wide.acall("notify(user, title='At once').pk", user=user.pk)
        await mine.knows("At once")
        assert time.monotonic() - before < AT_ONCE_SECONDS
        await wide.acall("Notification.objects.get(pk=pk).mark_read()", pk=pk)
        await wide.acall("Notification.objects.get(pk=pk).delete()[0]", pk=pk)
        await mine.until(lambda mine: mine.data_of("change")[-1]["gone"] == [pk])
        assert_unbroken(mine)
        assert len(mine.named("change")) == 3


@pytest.mark.parametrize("program", ["daphne", "uvicorn"])
async def test_a_public_message_of_another_process_is_heard_at_once(wide: Site, program: str) -> None:
    """So does what everybody is told; and nobody's inbox is held up by it."""
    user = wide.add_person("user")
    server = getattr(wide, program)()
    code = "from notifications import publish_public\npublish_public('status', title='Mail is slow').modseq"
    cookie = await cookie_of(server, user)
    async with Follower(events_at(server, "public-status", f"user-{user.pk}"), cookie=cookie) as mine:
        await opened(mine)
        before = time.monotonic()
        await wide.acall(code)
        await wide.acall("notify(user, title='At once').pk", user=user.pk)
        await mine.knows("Mail is slow")
        await mine.knows("At once")
        assert time.monotonic() - before < AT_ONCE_SECONDS


@pytest.mark.parametrize("program", ["daphne", "uvicorn"])
async def test_a_storm_with_cuts_loses_and_repeats_nothing(wide: Site, program: str) -> None:
    """While another process writes, a client that is cut again and again gets each change once, in order."""
    user = wide.add_person("user")
    server = getattr(wide, program)()
    async with Follower(events_at(server), cookie=await cookie_of(server, user)) as mine:
        await opened(mine)
        for start in range(0, CHANGES, BATCH):
            code = "[notify(user, title=str(number)).pk for number in range(start, start + many)]"
            writing = asyncio.create_task(wide.acall(code, user=user.pk, start=start, many=BATCH))
            await mine.knows(f'"title":"{start}"')
            await mine.cut()
            await writing
        await mine.knows(f'"title":"{CHANGES - 1}"')
        assert_unbroken(mine)
        titles = [item["title"] for change in mine.data_of("change") for item in change["upsert"]]
        assert titles == [str(number) for number in range(CHANGES)]
        assert len(mine.statuses) > CHANGES // BATCH // 2
        assert not mine.named("stream-reset")


def assert_unbroken(follower: Follower) -> None:
    """Check that each change begins where the one before ended."""
    for before, after in pairwise(follower.data_of("change")):
        assert after["prev"] == before["modseq"]
