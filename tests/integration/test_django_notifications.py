"""Rows of django-notifications come over: from the tables of both packages, as their own code wrote them, on both databases.

The tables are in `tests/fixtures/django_notifications/`, written by `scripts/dump_django_notifications.py`.
"""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.client import follow
from tests.support.postgres import FOLDERS, Postgres
from tests.support.processes import Process, find_program
from tests.support.servers import Person, Site
from tests.support.shell import ROOT

pytestmark = pytest.mark.asyncio(loop_scope="session")

DUMPS = Path(__file__).resolve().parents[1] / "fixtures" / "django_notifications"
IMPORT = "import_django_notifications"
# The commands of the guide, in its order: try, import.
GUIDE = [
    words.split()
    for words in re.findall(
        r"^python manage\.py ([^#\n]+)", (ROOT / "docs" / "howto" / "coming-from.md").read_text(), re.MULTILINE
    )
]
OLD = [(release, database) for release in ("hq-1.8.3", "community-1.12.3") for database in ("sqlite", "postgresql")]
every_old_site = pytest.mark.parametrize("site", OLD, indirect=True)
some_old_sites = pytest.mark.parametrize("site", [OLD[0], OLD[3]], indirect=True)
one_old_site = pytest.mark.parametrize("site", OLD[:1], indirect=True)
ROWS = """
names = ["recipient__username", "title", "body", "actor", "level", "url", "topic", "data", "read_at", "archived_at"]
rows = Notification.objects.order_by("pk").values(*names, "created_at")
[{**row, "created_at": row["created_at"].isoformat()} for row in rows]
"""
CRASH = """
from django.core.management import call_command
from notifications import log
portions = []
append = log.append_valid
def append_once(rows, **words):
    portions.append(rows)
    append(rows, **words)
    if len(portions) == 2:
        raise KeyboardInterrupt
log.append_valid = append_once
try:
    call_command("import_django_notifications", batch=2)
except KeyboardInterrupt:
    pass
Notification.objects.count()
"""


@pytest.fixture
def site(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Site]:
    """A site whose database is as a release of django-notifications left it."""
    release, database = request.param
    old = tmp_path / "old.sqlite3"
    with sqlite3.connect(old) as connection:
        connection.executescript((DUMPS / f"{release}.sqlite.sql").read_text())
    connection.close()
    with Site(tmp_path, blank=old) as site:
        if database == "sqlite":
            yield site
            return
        with Postgres() as postgres:
            words = ["--quiet", "--set", "ON_ERROR_STOP=1", "--dbname", postgres.url]
            psql = find_program("psql", folders=FOLDERS)
            with Process([psql, *words, "--file", DUMPS / f"{release}.postgresql.sql"], name="psql") as loading:
                assert loading.wait() == 0, loading.tail
            site.database_url = postgres.url
            yield site
            site.close()


def migrate(site: Site) -> None:
    """Make our tables beside theirs."""
    site.command("migrate", "--verbosity", "0")


@every_old_site
async def test_rows_come_over_as_they_read_there(site: Site) -> None:
    """Sentence, text, level, link, subject, time, read state and data of each row are ours now; what was deleted is left."""
    migrate(site)
    attempt, bring = GUIDE
    assert "Would import 7 notifications of 2 users." in site.command(*attempt)
    assert site.call("Notification.objects.count()") == 0
    assert "Would import 7 notifications of 2 users." in site.command(*attempt), "the first try changed nothing"
    said = site.manage(*bring, "--batch", "3")
    assert "Imported 7 notifications of 2 users." in said
    assert "1 of them had a sentence" in said
    rows: list[dict[str, Any]] = site.call(ROWS)
    assert [(row["recipient__username"], row["title"]) for row in rows if row["title"] != "ada " + "x" * 195 + "…"] == [
        ("uma", "ada mentioned you"),
        ("uma", "ada shared Team on uri"),
        ("uma", "ada joined Team"),
        ("uma", "left"),  # whoever that was has gone
        ("uri", "ada invited you"),
        ("uma", "ada was read"),
    ]
    assert [row["level"] for row in rows] == ["info", "success", "warning", "error", "info", "info", "info"]
    assert [row["created_at"] for row in rows] == [
        f"2024-01-01T12:0{minute}:00+00:00" for minute in (1, 2, 3, 4, 5, 6, 8)
    ]
    assert [row["title"] for row in rows if row["read_at"]] == ["ada was read"]
    mentioned, shared, joined, left, invited, long, _read = rows
    assert (mentioned["body"], mentioned["actor"]) == ("Can you look at this?", "ada")
    assert (shared["topic"], shared["url"], shared["data"]["report"]) == ("auth.user:3", "/reports/42/", 42)
    assert (joined["topic"], left["actor"], left["topic"]) == ("auth.group:1", "", "")
    assert joined["data"]["django_notifications"] == {"id": 3, "verb": "joined", "public": False, "emailed": False}
    assert invited["data"]["django_notifications"]["emailed"] is True
    assert long["body"] == "ada " + "x" * 255  # what the title cannot hold


@some_old_sites
async def test_it_goes_on_where_it_was_interrupted(site: Site) -> None:
    """A run that dies within a portion loses that portion only; the next brings the rest, and a third brings nothing."""
    migrate(site)
    assert site.call(CRASH) == 2
    assert "Imported 5 notifications" in site.command(IMPORT, "--batch", "2")
    assert "Imported 0 notifications" in site.command(IMPORT)
    assert "Imported 1 notifications of 1 users." in site.command(IMPORT, "--include-deleted")
    titles = site.call("[row.title for row in Notification.objects.order_by('pk')]")
    assert len(titles) == len(set(titles)) == 8
    assert site.call("[row.title for row in Notification.objects.archived()]") == ["ada was deleted by its reader"]
    site.command("check_inboxes")


@one_old_site
async def test_open_pages_see_them_come(site: Site) -> None:
    """The import goes through the log: who follows their inbox meanwhile ends up with what the database holds."""
    migrate(site)
    code = "uma = User.objects.get(username='uma')\numa.set_password('demo')\numa.save()\numa.pk"
    uma = Person(site.call(code), "uma")
    async with follow(site.daphne(), uma) as client:
        site.command(IMPORT)
        await client.knows("ada mentioned you")
        await client.equals_database(site, uma.pk)
        assert client.replica.unread == 5


@one_old_site
async def test_it_says_what_comes_first(blank: Path, tmp_path: Path, site: Site) -> None:
    """Before its time, and where there is nothing to bring over, the command says what to do."""
    with pytest.raises(AssertionError, match=r"run `manage.py migrate` first"):
        site.command(IMPORT)
    (tmp_path / "new").mkdir()
    with (
        Site(tmp_path / "new", blank=blank) as new,
        pytest.raises(AssertionError, match="is not a table of django-notifications"),
    ):
        new.command(IMPORT)
