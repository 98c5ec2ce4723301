"""What is counted: each thing once, read without touching the streams, and every metric is documented."""

from __future__ import annotations

import asyncio
import re
import sys
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest
from channels.layers import InMemoryChannelLayer
from django.conf import settings as django_settings
from django.contrib.auth.models import User
from prometheus_client import CollectorRegistry
from prometheus_client.parser import text_string_to_metric_families

from notifications import notify
from notifications.hub import listener
from notifications.hub.counters import BOUNDS_SECONDS, Counters, Stopwatch, counters
from notifications.log import doorbell
from notifications.log.doorbell import Change, Ringer
from notifications.log.replay import inbox_of
from notifications.operations import metrics
from tests.support.asgi import Site, channel_layer, log_in, open_site
from tests.support.browser import Browser, until
from tests.support.model import follow

pytestmark = pytest.mark.django_db(transaction=True)
watched = pytest.mark.usefixtures("bystander")  # the other user, to whom nothing may show


def scrape() -> dict[str, float]:
    """Return every sample as Prometheus reads it, such as `notifications_resets_total{reason=none}`."""
    families = text_string_to_metric_families(metrics.build_exposition().decode())
    samples = [sample for family in families for sample in family.samples]
    return {
        sample.name + "".join(f"{{{label}={value}}}" for label, value in sample.labels.items()): sample.value
        for sample in samples
    }


@pytest.fixture
def grown() -> Callable[..., dict[str, float]]:
    """Return a function that says by how much samples grew since the test began, those that did."""
    before = scrape()

    def grown(*names: str) -> dict[str, float]:
        after = scrape()
        changed = {name: after[name] - before[name] for name in after if after[name] != before[name]}
        return {name: changed.get(f"notifications_{name}", 0) for name in names}

    return grown


def metrics_page() -> str:
    """Return the page "Metrics" of the reference."""
    return (Path(django_settings.BASE_DIR) / "docs" / "reference" / "metrics.md").read_text()


def test_every_metric_is_documented_and_nothing_else() -> None:
    """The reference lists what a scrape shows: each name, and each value of each label."""
    shown = {re.sub(r"_(bucket|sum|count)$", "", name.partition("{")[0]) for name in scrape()}
    rows = dict(re.findall(r"^\| `(notifications_\w+)(?:\{\w+\})?` \|(.*)\|$", metrics_page(), re.MULTILINE))
    assert rows.keys() == shown
    for name in scrape():
        if (label := re.search(r"\{(?:reason|answer)=(\w+)\}", name)) is not None:
            assert f"`{label[1]}`" in rows[name.partition("{")[0]], name


def test_a_sites_own_registry_takes_them() -> None:
    """A site that exposes metrics of its own adds these to them, in a registry that checks for names used twice."""
    registry = CollectorRegistry(auto_describe=True)
    registry.register(metrics.NotificationsCollector())
    assert registry.get_sample_value("notifications_streams") == 0
    with pytest.raises(ValueError, match="notifications_streams"):
        registry.register(metrics.NotificationsCollector())


async def test_open_streams_and_their_users(site: Site, user: User, other_user: User) -> None:
    """Three streams of two users; when they have gone, none. A scrape may come from any thread."""
    browsers = [await site.open(each) for each in (user, user, other_user)]
    for browser in browsers:
        await browser.hello()
    seen = await site.do(scrape)
    assert (seen["notifications_streams"], seen["notifications_users"]) == (3, 2)
    for browser in browsers:
        await browser.disconnect()
    seen = await site.do(scrape)
    assert (seen["notifications_streams"], seen["notifications_users"]) == (0, 0)


async def test_a_change_is_timed_once_however_many_streams_it_goes_to(
    site: Site, user: User, other_user: User, grown: Any
) -> None:
    """Two tabs: one change heard, two frames passed on, one observation, no read of the log."""
    tabs, other = [await site.open(user) for _ in range(2)], await site.open(other_user)
    for browser in (*tabs, other):
        await browser.hello()
    reads = counters.log_reads
    await site.do(notify, user, title="Report is ready")
    for browser in tabs:
        await browser.next("change")
    names = ("changes_heard_total", "frames_passed_on_total", "commit_to_write_seconds_count", "gaps_total")
    assert list(grown(*names).values()) == [1, 2, 1, 0]
    assert 0 < grown("commit_to_write_seconds_sum")["commit_to_write_seconds_sum"] < 10
    assert counters.log_reads == reads
    assert other.unseen_events == []


@watched
async def test_a_change_of_an_older_version_is_passed_on_untimed(site: Site, user: User, rung: Any, grown: Any) -> None:
    """While workers are replaced one by one, some doorbells do not say when the commit was."""
    browser, _ = await follow(site, user)
    await site.do(notify, user, title="Report is ready")
    change = asdict(rung[0])
    del change["committed_at"]
    site.hub.hear(change)
    await browser.next("change")
    names = ("frames_passed_on_total", "commit_to_write_seconds_count")
    assert list(grown(*names).values()) == [1, 0]


@watched
async def test_a_gap_a_replay_and_their_read_are_counted(site: Site, user: User, rung: Any, grown: Any) -> None:
    """When a doorbell was lost, the next one shows a gap; one read fills it, and nothing is timed."""
    browser, client = await follow(site, user)
    for number in range(2):
        await site.do(notify, user, title=f"number {number}")
    site.hub.hear(asdict(rung[1]))
    await client.follow_to(browser, (await site.do(inbox_of, user)).position)
    names = ("gaps_total", "replays_total", "frames_passed_on_total", "commit_to_write_seconds_count")
    assert list(grown(*names).values()) == [1, 1, 0, 0]
    assert grown("sweep_rescues_total")["sweep_rescues_total"] == 0


async def test_a_rescue_is_what_only_the_sweeper_found(
    user: User, other_user: User, monkeypatch: pytest.MonkeyPatch, grown: Any
) -> None:
    """A change that did not ring is found by a round of the sweeper; nobody else's stream needs rescuing."""
    monkeypatch.setattr(doorbell, "ring", lambda _changes: None)
    async with open_site(NOTIFICATIONS_SWEEP_SECONDS=0.05) as site:
        browser, client = await follow(site, user)
        other, _ = await follow(site, other_user)
        await site.do(notify, user, title="silent")
        await client.follow_to(browser, (await site.do(inbox_of, user)).position)
        assert other.unseen_events == []
    assert grown("sweep_rescues_total")["sweep_rescues_total"] == 1
    assert grown("sweeps_total")["sweeps_total"] >= 1


async def test_resets_are_counted_by_reason(site: Site, user: User, other_user: User, grown: Any) -> None:
    """As the client is told: no position is one thing, a malformed one another; a resumed stream is neither."""
    position = (await site.do(inbox_of, user)).position
    for since in (None, "nonsense", position):
        await (await site.open(user, since=since)).hello()
    await (await site.open(other_user, since=position)).hello()
    names = ("resets_total{reason=none}", "resets_total{reason=malformed}", "resets_total{reason=epoch}")
    assert list(grown(*names, "replays_total").values()) == [1, 1, 1, 0]


async def test_requests_are_counted_by_answer(site: Site, user: User, other_user: User, grown: Any) -> None:
    """Who came in, and why the others did not; refusals with `bye` are connects, not streams that ended."""
    await (await site.open(user)).hello()
    await site.connect(None).answer()
    await site.connect(None, method="POST").answer()
    site.hub.is_leaving = True
    drained = await site.open(other_user)
    await drained.next("bye")
    names = [f"connects_total{{answer={answer}}}" for answer in ("stream", "anonymous", "method", "drain", "overload")]
    assert list(grown(*names, "byes_total{reason=drain}").values()) == [1, 1, 1, 1, 0, 0]
    assert drained.unseen_events == []


async def test_byes_are_counted_by_reason(site: Site, user: User, other_user: User, settings: Any, grown: Any) -> None:
    """A stream too many ends the oldest of the same user, and no other's."""
    settings.NOTIFICATIONS_STREAMS_PER_USER = 1
    other = await site.open(other_user)
    await other.hello()
    first = await site.open(user)
    await first.hello()
    await (await site.open(user)).hello()
    await first.next("bye")
    assert list(grown("byes_total{reason=cap}", "byes_total{reason=slow}").values()) == [1, 0]
    assert other.unseen_events == []


@watched
async def test_a_write_that_takes_too_long_is_counted(site: Site, user: User, settings: Any, grown: Any) -> None:
    """A client that froze is dropped, and that is a send time-out and a `bye slow`."""
    settings.NOTIFICATIONS_SEND_TIMEOUT_SECONDS = 0.05
    browser, _ = await follow(site, user)
    browser.freeze()
    await site.do(notify, user, title="Report is ready")
    await browser.ended()
    assert list(grown("send_timeouts_total", "byes_total{reason=slow}").values()) == [1, 1]


async def test_what_rang_was_sent_or_dropped(monkeypatch: pytest.MonkeyPatch, settings: Any) -> None:
    """Each change that rings counts once more, however it ends: taken, refused by the layer, or past the backlog."""
    ringer = Ringer()
    monkeypatch.setattr(metrics, "ringer", ringer)
    ringer.settle(asyncio.get_running_loop())
    layer = InMemoryChannelLayer()
    settings.NOTIFICATIONS_DOORBELL_BACKLOG = 2

    def numbers() -> list[float]:
        return [scrape()[f"notifications_doorbells_{end}_total"] for end in ("rung", "sent", "dropped")]

    with channel_layer(layer):
        ringer.put([Change(str(number), 1, 1, 2, None) for number in range(3)])
        await until(lambda: ringer.sent)
        assert numbers() == [3, 2, 1]

        async def away(_group: str, _message: Any) -> None:
            raise ConnectionError("layer is away")

        monkeypatch.setattr(layer, "group_send", away)
        ringer.put([Change("7", 1, 1, 2, None)])
        await until(lambda: ringer.dropped == 2)
        assert numbers() == [4, 2, 2]


class ForgetfulLayer(InMemoryChannelLayer):
    """A layer that takes everything and delivers nothing."""

    async def group_send(self, group: str, message: Any) -> None:
        """Lose it."""


async def test_deafness_is_counted(monkeypatch: pytest.MonkeyPatch, settings: Any, grown: Any) -> None:
    """Each probe that does not come back is one."""
    monkeypatch.setattr(listener, "LAYER_SECONDS", 0.05)
    settings.NOTIFICATIONS_REJOIN_SECONDS = 0.05
    probed: list[None] = []
    with channel_layer(ForgetfulLayer()), pytest.raises(listener.ProbeLost):
        await listener.listen(lambda _: None, lambda: None, lambda _: None, lambda: probed.append(None))
    assert (grown("deafs_total"), probed) == ({"deafs_total": 1}, [])


# --- the stopwatch


@pytest.fixture
def observed(monkeypatch: pytest.MonkeyPatch) -> list[float | None]:
    """What was observed."""
    found: list[float | None] = []
    monkeypatch.setattr(sys.modules[Stopwatch.__module__], "counters", counts_that_note(found))
    return found


def counts_that_note(found: list[float | None]) -> Any:
    """Return counts that only note what is observed."""

    class Noting:
        def observe(self, _now: float, commits: list[float | None]) -> None:
            found.extend(commits)

    return Noting()


def test_a_change_is_observed_with_the_last_write_that_it_waits_for(observed: list[float | None]) -> None:
    """What is heard while others are written to waits for the whole queue of then, and no longer."""
    watch = Stopwatch()
    watch.commits += [1.0, 2.0]
    watch.begin_turn(300)
    watch.note_writes(200)
    assert observed == []
    watch.commits.append(3.0)
    watch.begin_turn(150)  # 100 of the old queue, and 50 that joined it
    watch.note_writes(100)
    assert observed == [1.0, 2.0]
    watch.begin_turn(50)
    watch.note_writes(50)
    assert observed == [1.0, 2.0, 3.0]


def test_turns_without_changes_keep_nothing(observed: list[float | None]) -> None:
    """Writes of other kinds make the stopwatch hold nothing, however long that goes on."""
    watch = Stopwatch()
    for _ in range(1000):
        watch.begin_turn(1)
        watch.note_writes(1)
    assert (len(watch._running), watch.commits, observed) == (0, [], [])


def test_times_fall_into_their_buckets_and_a_clock_that_went_back_is_no_time() -> None:
    """A bound belongs to its bucket; past all of them is the last; less than nothing counts as the shortest."""
    mine = Counters()
    mine.observe(100.0, [100.0 - BOUNDS_SECONDS[0] / 2, 97.5, 0.0, 105.0, None])
    assert mine.written[0] == 2
    assert mine.written[BOUNDS_SECONDS.index(2.5)] == 1
    assert (mine.written[-1], sum(mine.written)) == (1, 4)
    assert mine.written_seconds == pytest.approx(102.5, abs=0.01)


def test_the_histogram_is_cumulative() -> None:
    """Each bucket holds what the shorter ones hold, and the last holds all."""
    shown = scrape()
    buckets = [shown[f"notifications_commit_to_write_seconds_bucket{{le={le}}}"] for le in [*BOUNDS_SECONDS, "+Inf"]]
    assert buckets == sorted(buckets)
    assert buckets[-1] == shown["notifications_commit_to_write_seconds_count"]


@watched
async def test_a_broken_stream_does_not_hold_the_stopwatch(site: Site, user: User, grown: Any) -> None:
    """A change is timed also when one of the streams it was due for has gone."""
    broken: Browser = site.connect(await site.do(log_in, user))
    await broken.hello()
    broken.break_writes(ConnectionResetError("gone"))
    browser, _ = await follow(site, user)
    await site.do(notify, user, title="Report is ready")
    await browser.next("change")
    assert grown("commit_to_write_seconds_count")["commit_to_write_seconds_count"] == 1
