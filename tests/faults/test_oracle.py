"""The oracle, short: on each line-up, what clients are told is what the database says; and proof that the oracle bites.

The proof is a history of some commits and the journal of a client that was told all of it, which the oracle finds good. Then
one thing after the other is lost, changed or told twice, in the journal or in the log itself, and has to be found. A last
test does so to a real site.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.faults.oracle.history import read_history
from tests.faults.oracle.judge import judge
from tests.faults.oracle.lines import StreamLine
from tests.faults.oracle.lineups import LINEUPS, Lineup
from tests.faults.oracle.reader import Heard
from tests.faults.oracle.run import Effort, Evidence, run, try_evidence
from tests.faults.oracle.trail import Entry
from tests.faults.oracle.verdict import Verdict
from tests.support.visit import Visit

SEED = os.environ.get("ORACLE_SEED", "1")  # another one draws other operations and faults
# What is promised is the sweep interval and one second. The rest is for machines that run other things as well.
WORST_SECONDS = 3.0 + 1.0 + 2.0


# PostgreSQL at SERIALIZABLE, where pages are refused as well, is left to the soak.
ORDINARY = ("sqlite-daphne", "sqlite-uvicorn", "postgres-uvicorn", "postgres-daphne", "mariadb-uvicorn")


@pytest.fixture(scope="module", params=ORDINARY)
def lineup(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lineup]:
    """A site with everything that belongs to it, for both tests."""
    with LINEUPS[request.param](tmp_path_factory.mktemp("oracle")) as lineup:
        yield lineup


async def test_nothing_is_lost(lineup: Lineup) -> None:
    """While several writers work and clients come and go, nothing is missed, applied twice or told to others."""
    verdict, _evidence = await run(lineup, Effort(f"{SEED} calm", changes=300))
    print(verdict)
    assert verdict.is_good, verdict
    assert not verdict.errors, verdict
    assert not verdict.trouble, verdict
    assert max(verdict.staleness.percentile(1.0), verdict.settle_seconds) < WORST_SECONDS, verdict


async def test_nothing_is_lost_when_things_break(lineup: Lineup) -> None:
    """The same while servers, Redis, writers and lines go down and come back, and somebody writes past the log."""
    verdict, _evidence = await run(lineup, Effort(f"{SEED} faults", changes=300, pause_seconds=0.4))
    print(verdict)
    assert verdict.is_good, verdict
    assert verdict.fault_counts, verdict


# --- the oracle bites: a history by hand

USER, OTHER, EPOCH = 7, 8, 99
NOON = "2026-01-01T12:00:00+00:00"
Frame = dict[str, Any]


class Story:
    """Commits to one inbox, and the journal of a client that was told each of them."""

    def __init__(self) -> None:
        self.trail: list[Entry] = []
        self.journal: list[Heard] = []
        self.rows: dict[int, Frame] = {}
        self.inbox = {"epoch": EPOCH, "modseq": 1, "floor": 1, "unread": 0, "unseen": 0, "seen_upto": 0}
        self._enter(1, "inbox", "I", 0, self.inbox)
        self._enter(1, "row", "I", 500, row(500, 2), user=OTHER)
        snapshot = {"items": [], "unread": 0, "unseen": 0}
        self.hear("open", "", None)
        self.hear("hello", f"{EPOCH}.0", {"modseq": 0, "epoch": EPOCH, "unread": 0, "unseen": 0, "mode": "reset"})
        self.hear("reset", f"{EPOCH}.1", {"reason": "none", "modseq": 1, "epoch": EPOCH, "snapshot": snapshot})

    def commit(
        self, *changes: Frame, gone: tuple[int, ...] = (), read_upto: int | None = None, told: bool = True
    ) -> Frame:
        """Change rows and inbox in one transaction; return its frame, which the client hears unless told otherwise."""
        modseq = self.inbox["modseq"] + 1
        upsert = [self.rows.get(each["id"], row(each["id"], 0)) | each | {"modseq": modseq} for each in changes]
        if read_upto is not None:
            mine = [each for each in self.rows.values() if each["modseq"] <= read_upto and each["read_at"] is None]
            self.rows |= {each["id"]: each | {"modseq": modseq, "read_at": NOON} for each in mine}
            touched = [self.rows[each["id"]] for each in mine]
        else:
            touched = upsert
        self.rows |= {each["id"]: each for each in touched}
        for pk in gone:
            del self.rows[pk]
            self._enter(modseq, "row", "D", pk, {})
        for each in touched:
            self._enter(modseq, "row", "U", each["id"], each)
        unread = sum(each["read_at"] is None for each in self.rows.values())
        floor = modseq if gone else self.inbox["floor"]
        self.inbox = self.inbox | {"modseq": modseq, "unread": unread, "unseen": unread, "floor": floor}
        self._enter(modseq, "inbox", "U", 0, self.inbox)
        frame: Frame = {"prev": modseq - 1, "modseq": modseq, "upsert": upsert, "gone": list(gone)}
        frame |= {"unread": unread, "unseen": unread}
        if read_upto is not None:
            frame |= {"read_upto": read_upto, "read_at": NOON}
        if told:
            self.tell(frame)
        return frame

    def tell(self, frame: Frame) -> None:
        self.hear("change", f"{EPOCH}.{frame['modseq']}", frame)

    def hear(self, event: str, position: str, data: Any) -> None:
        self.journal.append(Heard(self._now, event, position, data))

    @property
    def _now(self) -> float:
        """One second for each commit and each frame, in the order of this story."""
        return float(len(self.trail) + len(self.journal))

    def _enter(self, tx: int, kind: str, op: str, row: int, data: Frame, *, user: int = USER) -> None:
        self.trail.append(Entry(len(self.trail), tx, self._now, kind, op, user, row, dict(data)))

    def last(self) -> Frame:
        data: Frame = self.journal[-1].data
        return data

    def judge(self) -> set[str]:
        """Return the kinds of what is found; `log`: a rule of the log was broken."""
        history = read_history(self.trail, [USER])[USER]
        found = {finding.kind for finding in judge("client", history, self.journal).findings}
        return found | ({"log"} if history.broken else set())


def row(pk: int, modseq: int) -> Frame:
    """Return a notification as it travels."""
    texts = {"category": "", "level": "info", "title": f"Number {pk}", "body": "", "url": "", "actor": "", "topic": ""}
    return {"id": pk, "modseq": modseq, **texts, "data": {}, "created_at": NOON, "read_at": None, "archived_at": None}


def told_all() -> Story:
    """Return a story of every kind of frame, of which nothing is missing."""
    story = Story()
    story.commit({"id": 1})
    story.commit({"id": 2}, {"id": 3})
    story.commit({"id": 1, "title": "Edited"})
    story.commit(read_upto=3)
    story.commit(gone=(2,))
    story.commit({"id": 4})
    return story


def test_a_told_story_is_good() -> None:
    """Who was told everything is found to be."""
    assert told_all().judge() == set()


def lose_a_frame(story: Story) -> None:
    """The next one does not continue from there."""
    story.commit({"id": 5}, told=False)
    story.commit({"id": 6})


def pass_over_a_change(story: Story) -> None:
    """A frame that says it leads over it, without what it was."""
    story.commit({"id": 5}, told=False)
    story.tell(story.commit({"id": 6}, told=False) | {"prev": 7})


def lose_a_row(story: Story) -> None:
    """One of two rows of a frame."""
    story.commit({"id": 5}, {"id": 6})
    story.last()["upsert"].pop()


def lose_a_deletion(story: Story) -> None:
    """A row that is gone."""
    story.commit(gone=(3,))
    story.last()["gone"].clear()


def change_a_title(story: Story) -> None:
    """What a row says."""
    story.commit({"id": 5})
    story.last()["upsert"][0] |= {"title": "Another"}


def tell_what_comes_later(story: Story) -> None:
    """A row as of a later change, which is told once more with that change."""
    frame = story.commit({"id": 5}, told=False)
    later = story.commit({"id": 5, "title": "Edited"}, told=False)
    story.tell(frame | {"upsert": later["upsert"]})
    story.tell(later)


def tell_it_twice(story: Story) -> None:
    """A row that was told, once more under the next number."""
    frame = story.commit({"id": 5})
    again = story.commit({"id": 6}, told=False)
    story.tell(again | {"upsert": frame["upsert"] + again["upsert"]})


def miscount(story: Story) -> None:
    """A counter."""
    story.commit({"id": 5})
    story.last()["unread"] += 1


def tell_of_a_stranger(story: Story) -> None:
    """Somebody else's row."""
    story.commit({"id": 5})
    story.last()["upsert"].append(row(500, 8))


def tell_what_was_rolled_back(story: Story) -> None:
    """A frame for a number that nobody committed, then nothing."""
    story.tell({"prev": 7, "modseq": 8, "upsert": [], "gone": [], "unread": 2, "unseen": 2})


def tell_a_row_that_was_rolled_back(story: Story) -> None:
    """A row that nobody committed, beside one that was."""
    story.commit({"id": 5})
    story.last()["upsert"].append(row(6, 8))


def read_what_was_never_told(story: Story) -> None:
    """A replay leaves a row out because "mark all as read" has moved it on, and the frame of that carries no rows."""
    frame = story.commit({"id": 5}, told=False)
    read = story.commit(read_upto=8, told=False)
    story.tell(frame | {"upsert": []})
    story.tell(read)


def read_too_much(story: Story) -> None:
    """More than was read."""
    story.commit({"id": 5})
    story.commit(read_upto=7)
    story.last()["read_upto"] = 8


def leave_a_row_out_for_ever(story: Story) -> None:
    """What is left out because it has changed again was not told with that change, either."""
    frame = story.commit({"id": 5}, told=False)
    later = story.commit({"id": 5, "title": "Edited"}, told=False)
    story.tell(frame | {"upsert": []})
    story.tell(later | {"upsert": []})


def never_tell_what_was_left_out(story: Story) -> None:
    """A row that moved on, and the line ends there."""
    frame = story.commit({"id": 5}, told=False)
    story.commit({"id": 5, "title": "Edited"}, told=False)
    story.tell(frame | {"upsert": []})


def reset_without_a_row(story: Story) -> None:
    """A snapshot without what was there."""
    reset(story, "behind", items=[])


def reset_for_nothing(story: Story) -> None:
    """A reset whose reason is not so."""
    reset(story, "ahead")


def reset_backwards(story: Story) -> None:
    """A reset to where the client was long ago."""
    reset(story, "purged", modseq=3)


def reset_miscounted(story: Story) -> None:
    """A snapshot with wrong counters."""
    reset(story, "none", unread=9)


def reset(story: Story, reason: str, *, modseq: int = 7, items: list[Frame] | None = None, unread: int = 2) -> None:
    """Tell a snapshot, by default the true one."""
    rows = sorted(story.rows.values(), key=lambda each: -each["id"]) if items is None else items
    snapshot = {"items": rows, "unread": unread, "unseen": unread}
    data = {"reason": reason, "modseq": modseq, "epoch": EPOCH, "snapshot": snapshot}
    story.hear("reset", f"{EPOCH}.{modseq}", data)


def load_a_page_without_a_row(story: Story) -> None:
    """A page that is behind its own position."""
    page(story, position=7, items=[each for each in story.rows.values() if each["id"] == 4])


def page(story: Story, *, position: int, items: list[Frame], unread: int = 2) -> None:
    """Load a page, by default with the true counters."""
    data = {"position": f"{EPOCH}.{position}", "items": items, "unread": unread, "unseen": unread}
    story.hear("page", f"{EPOCH}.{position}", data)


def resume_elsewhere(story: Story) -> None:
    """A greeting with another position than the client asked for."""
    story.hear("open", f"{EPOCH}.7", None)
    story.hear("hello", f"{EPOCH}.6", {"modseq": 7, "epoch": EPOCH, "unread": 1, "unseen": 1, "mode": "resume"})


def ping_from_elsewhere(story: Story) -> None:
    """A ping that names a change that was not told."""
    story.commit({"id": 5}, told=False)
    story.hear("ping", "", {"modseq": 8})


def share_a_number(story: Story) -> None:
    """Two transactions, one number: what a savepoint rolled back by hand can lead to."""
    story.commit({"id": 5})
    entry = story.trail[-2]
    story.trail.append(entry._replace(seq=90, tx=90, row=6, data=row(6, 8)))
    story.trail.append(story.trail[-2]._replace(seq=91, tx=90, data=story.inbox | {"unread": 3, "unseen": 3}))


def leave_a_gap_in_the_numbers(story: Story) -> None:
    """A number that no transaction has."""
    story.inbox["modseq"] += 1
    story.commit({"id": 5}, told=False)


def stamp_a_row_with_an_old_number(story: Story) -> None:
    """A row that no replay would find."""
    story.commit({"id": 5}, told=False)
    story.trail[-2].data["modseq"] = 4


def let_a_counter_drift(story: Story) -> None:
    """A counter that the rows do not bear out."""
    story.commit({"id": 5}, told=False)
    story.trail[-1].data["unread"] += 1


def write_past_the_log(story: Story) -> None:
    """A row changed without a number."""
    story.trail.append(story.trail[-2]._replace(seq=90, tx=90, row=4, data=row(4, 7) | {"title": "By hand"}))


DOCTORED: list[tuple[Callable[[Story], None], str]] = [
    (lose_a_frame, "gap"),
    (pass_over_a_change, "missed"),
    (lose_a_row, "missed"),
    (lose_a_deletion, "missed"),
    (change_a_title, "otherwise"),
    (tell_what_comes_later, "otherwise"),
    (tell_it_twice, "twice"),
    (miscount, "counters"),
    (tell_of_a_stranger, "foreign"),
    (tell_what_was_rolled_back, "unknown"),
    (tell_a_row_that_was_rolled_back, "unknown"),
    (read_what_was_never_told, "missed"),
    (read_too_much, "missed"),
    (leave_a_row_out_for_ever, "missed"),
    (never_tell_what_was_left_out, "missed"),
    (reset_without_a_row, "snapshot"),
    (reset_for_nothing, "reset"),
    (reset_backwards, "backwards"),
    (reset_miscounted, "counters"),
    (load_a_page_without_a_row, "snapshot"),
    (resume_elsewhere, "hello"),
    (ping_from_elsewhere, "missed"),
    (share_a_number, "log"),
    (leave_a_gap_in_the_numbers, "log"),
    (stamp_a_row_with_an_old_number, "log"),
    (let_a_counter_drift, "log"),
    (write_past_the_log, "log"),
]


@pytest.mark.parametrize(("doctor", "kind"), DOCTORED, ids=[doctor.__name__ for doctor, _kind in DOCTORED])
def test_what_is_wrong_is_found(doctor: Callable[[Story], None], kind: str) -> None:
    """What a client was told wrongly or not at all, and what the log did wrongly, is found, as what it is."""
    story = told_all()
    doctor(story)
    assert kind in story.judge()


def test_a_row_that_moves_on_may_be_left_out() -> None:
    """A replay may leave a row out that has changed again when the change is told with its row."""
    story = told_all()
    frame = story.commit({"id": 5}, told=False)
    later = story.commit({"id": 5, "title": "Edited"}, told=False)
    story.tell(frame | {"upsert": []})
    story.tell(later)
    assert story.judge() == set()


def test_what_a_snapshot_left_out_may_be_read_unheard() -> None:
    """Who began with the newest 20 need not hear of older ones that "mark all as read" reads."""
    story = Story()
    story.commit(*({"id": pk} for pk in range(1, 25)), told=False)
    newest = sorted(story.rows.values(), key=lambda each: -each["id"])[:20]
    story.hear("open", "", None)
    reset(story, "none", modseq=2, items=newest, unread=24)
    story.commit(read_upto=2)
    assert story.judge() == set()


def test_a_page_ahead_of_its_position_is_found() -> None:
    """A page whose rows are those of a later position is not one state, and is a finding."""
    story = told_all()
    story.commit({"id": 5}, told=False)
    page(story, position=7, items=sorted(story.rows.values(), key=lambda each: -each["id"]))
    assert "snapshot" in story.judge()


# --- the oracle bites: a real site


class Forgetful(StreamLine):
    """A client behind something that swallows a frame, the third change of its life."""

    changes = 0

    def _take(self, event: str, position: str, data: Any) -> str:
        self.changes += event == "change"
        self._news.set()
        return "" if event == "change" and self.changes == 3 else super()._take(event, position, data)

    async def heard(self, is_enough: Callable[[], object]) -> None:
        """Wait until it was told so much."""
        async with asyncio.timeout(HEARD_SECONDS):
            while not is_enough():
                self._news.clear()
                await self._news.wait()


async def test_a_real_loss_is_found(tmp_path: Path) -> None:
    """A frame swallowed on the way, a row that was changed and rows that were deleted past the log are found."""
    with LINEUPS["sqlite-uvicorn"](tmp_path) as lineup:
        person = await asyncio.to_thread(lineup.site.add_person)
        async with Visit(lineup.urls[0]) as visit:
            await visit.login(person)
        async with Forgetful("forgetful", person.pk, lineup.urls, visit.cookie) as line:
            await line.heard(lambda: line.reader.epoch)
            assert not try_site(lineup, line).findings
            for number in range(1, 5):
                await lineup.site.acall("notify(user, title='One more').pk", user=person.pk)
                await line.heard(lambda number=number: line.changes >= number)  # type: ignore[misc]
            assert "gap" in {finding.kind for finding in try_site(lineup, line).findings}
            assert not try_site(lineup, line).broken
            await lineup.site.acall(WRITE_PAST_THE_LOG, user=person.pk)
            assert len(try_site(lineup, line).broken) >= 2


HEARD_SECONDS = 30.0
WRITE_PAST_THE_LOG = """
with connection.cursor() as cursor:
    cursor.execute("UPDATE live_notifications_notification SET title = 'By hand' WHERE recipient_id = %s", [user])
    cursor.execute("DELETE FROM live_notifications_notification WHERE recipient_id = %s", [user])
"""


def try_site(lineup: Lineup, line: StreamLine) -> Verdict:
    """Judge what the site did so far."""
    verdict = Verdict("", "")
    try_evidence(verdict, Evidence([line.user], lineup.site.trail.read(), {line.name: (line.user, list(line.journal))}))
    return verdict
