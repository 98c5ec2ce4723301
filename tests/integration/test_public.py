"""Public topics on real servers: followed by anybody, replayed, capped, and far from any inbox."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AsyncExitStack
from pathlib import Path

import pytest

from tests.support.follower import Follower
from tests.support.servers import Person, Server, Site

pytestmark = pytest.mark.asyncio(loop_scope="session")

PUBLISH = "from notifications import publish_public\npublish_public('status', title=title).modseq"
HISTORY = 5


@pytest.fixture(scope="module")
def open_site(blank: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """A site behind a proxy of its own that keeps five public messages and grants each address three streams."""
    settings = {
        "NOTIFICATIONS_PUBLIC_TOPICS": ["status", "user-1"],
        "NOTIFICATIONS_PUBLIC_HISTORY": HISTORY,
        "NOTIFICATIONS_PUBLIC_STREAMS_PER_ADDRESS": 3,
        "NOTIFICATIONS_TRUSTED_PROXIES": ["127.0.0.1"],
        "NOTIFICATIONS_SWEEP_SECONDS": 0.2,
    }
    with Site(tmp_path_factory.mktemp("open"), blank=blank, settings=settings) as site:
        yield site


@pytest.fixture(scope="module", params=["daphne", "uvicorn"])
def server(request: pytest.FixtureRequest, open_site: Site) -> Server:
    """Each server in turn; both must behave the same."""
    server: Server = getattr(open_site, request.param)()
    return server


def topic_at(server: Server, topic: str = "status") -> str:
    """Return the address of a public topic's stream."""
    return f"{server.url}/events/?channel=public-{topic}"


def from_address(address: str) -> dict[str, str]:
    """Return what the proxy says of a client."""
    return {"X-Forwarded-For": address}


async def opened(follower: Follower) -> None:
    """Wait until its view has read where the client stands."""
    await follower.until(lambda mine: len(mine.named("stream-open")) + len(mine.named("stream-error")))


async def test_everybody_follows_a_topic(server: Server, open_site: Site) -> None:
    """Without logging in, what is published arrives live, and after a cut what was missed, each message once."""
    async with Follower(topic_at(server), headers=from_address("192.0.2.1")) as mine:
        await opened(mine)
        first = await open_site.acall(PUBLISH, title="One")
        await mine.knows("One")
        await mine.cut()
        await open_site.acall(PUBLISH, title="Two")
        await mine.knows("Two")
        assert [message["modseq"] for message in mine.data_of("message")] == [first, first + 1]
        assert "sessionid" not in str(mine.headers)


async def test_history_is_replayed_as_far_as_it_is_kept(server: Server, open_site: Site) -> None:
    """Who was away a little gets it all; who was away for longer than the history is told to read the page again."""
    async with Follower(topic_at(server), headers=from_address("192.0.2.2")) as mine:
        await opened(mine)
        await open_site.acall(PUBLISH, title="Seen")
        last = (await mine.knows("Seen")).last_event_id
    for number in range(HISTORY):
        await open_site.acall(PUBLISH, title=f"Missed {number}")
    async with Follower(topic_at(server), headers=from_address("192.0.2.2"), last_event_id=last) as mine:
        await mine.knows(f"Missed {HISTORY - 1}")
        assert len(mine.named("message")) == HISTORY
        assert not mine.named("stream-reset")
    await open_site.acall(PUBLISH, title="One more")
    async with Follower(topic_at(server), headers=from_address("192.0.2.2"), last_event_id=last) as mine:
        await mine.until(lambda mine: mine.named("stream-reset"))
        await open_site.acall(PUBLISH, title="Afterwards")
        await mine.knows("Afterwards")


async def test_an_address_has_so_many_streams(server: Server) -> None:
    """The cap counts by the client's address as the trusted proxy tells it; another address is not concerned."""
    async with AsyncExitStack() as stack:
        for _ in range(3):
            headers = from_address("203.0.113.9, 192.0.2.3")  # the left one is the client's own invention
            held = await stack.enter_async_context(Follower(topic_at(server), headers=headers))
            await opened(held)
            assert not held.named("stream-error")
        for address, is_refused in (("198.51.100.1, 192.0.2.3", True), ("192.0.2.4", False)):
            async with Follower(topic_at(server), headers=from_address(address)) as another:
                await opened(another)
                assert bool(another.named("stream-error")) == is_refused


async def test_a_topic_called_like_a_channel_shows_no_inbox(server: Server, open_site: Site) -> None:
    """A topic `user-1` is followed at `public-user-1`; what the user with the key 1 is told does not appear there."""
    person = Person(await open_site.acall("User.objects.get_or_create(pk=1, username='first')[0].pk"), "first")
    code = "from notifications import publish_public\npublish_public('user-1', title='For everybody').modseq"
    async with Follower(topic_at(server, "user-1"), headers=from_address("192.0.2.5")) as mine:
        await opened(mine)
        await open_site.acall("notify(user, title='For one alone').pk", user=person.pk)
        await open_site.acall(code)
        await mine.knows("For everybody")
        assert "For one alone" not in str(mine.events)
    async with Follower(f"{server.url}/events/?channel=user-1", headers=from_address("192.0.2.5")) as mine:
        await opened(mine)
        assert mine.data_of("stream-error")[0]["condition"] == "forbidden"
