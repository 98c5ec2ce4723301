"""Write the tables of django-notifications, filled by that package itself, into tests/fixtures/django_notifications/.

    .venv/bin/python scripts/dump_django_notifications.py

It is called `notifications` as ours is, so the two cannot be installed together. This makes a virtual environment for each
release, runs its migrations and its `notify.send()`, and dumps the database as SQL: what the tests of
`import_django_notifications` begin with. Needs a network for pip, and PostgreSQL.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from tests.support.postgres import FOLDERS, Postgres  # noqa: E402

FOLDER = ROOT / "tests" / "fixtures" / "django_notifications"
# hq 1.8.3 is its last release and cannot be imported on Django 5.1 or later; community is the fork that can.
RELEASES = {
    "hq-1.8.3": ["django-notifications-hq==1.8.3", "Django==4.2.*", "setuptools<81", "psycopg[binary]"],
    "community-1.12.3": ["django-notifications-community==1.12.3", "Django==5.2.*", "psycopg[binary]"],
}
PROGRAM = """
import datetime as dt, os, sqlite3, sys
import dj_database_url, django
from django.conf import settings

settings.configure(
    SECRET_KEY="x", USE_TZ=True, DEFAULT_AUTO_FIELD="django.db.models.BigAutoField",
    INSTALLED_APPS=["django.contrib.auth", "django.contrib.contenttypes", "notifications"],
    DATABASES={"default": dj_database_url.parse(os.environ["URL"])},
    DJANGO_NOTIFICATIONS_CONFIG={"USE_JSONFIELD": True, "SOFT_DELETE": True},
)
django.setup()
from django.contrib.auth.models import Group, User
from django.core.management import call_command
from notifications.models import Notification
from notifications.signals import notify

call_command("migrate", verbosity=0)
ada, uma, uri, gone = [User.objects.create(username=name) for name in ("ada", "uma", "uri", "gone")]
team = Group.objects.create(name="Team")

def send(number, recipient, sender=ada, **words):
    when = dt.datetime(2024, 1, 1, 12, number, tzinfo=dt.timezone.utc)
    notify.send(sender, recipient=recipient, timestamp=when, **words)

send(1, uma, verb="mentioned you", description="Can you look at this?")
send(2, uma, verb="shared", action_object=team, target=uri, level="success", report=42, url="/reports/42/")
send(3, uma, verb="joined", target=team, level="warning", public=False)
send(4, uma, sender=gone, verb="left", level="error")
send(5, uri, verb="invited you", emailed=True)
send(6, uma, verb="x" * 255)
send(7, uma, verb="was deleted by its reader")
send(8, uma, verb="was read")
Notification.objects.filter(verb="was read").update(unread=False)
Notification.objects.filter(verb="was deleted by its reader").update(deleted=True)
Notification.objects.filter(verb="invited you").update(emailed=True)
gone.delete()
if settings.DATABASES["default"]["ENGINE"].endswith("sqlite3"):
    django.db.connection.close()
    print("\\n".join(sqlite3.connect(settings.DATABASES["default"]["NAME"]).iterdump()))
"""


def main() -> None:
    """Write a dump of each release for each database."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    for name, requirements in RELEASES.items():
        with tempfile.TemporaryDirectory() as folder:
            python = make_environment(Path(folder), requirements)
            url = f"sqlite:///{folder}/site.sqlite3"
            (FOLDER / f"{name}.sqlite.sql").write_text(run([python, "-c", PROGRAM], url))
            with Postgres() as postgres:
                run([python, "-c", PROGRAM], postgres.url)
                dump = [FOLDERS[0] / "pg_dump", "--inserts", "--no-owner", "--no-privileges", "--dbname", postgres.url]
                (FOLDER / f"{name}.postgresql.sql").write_text(run(dump, ""))


def make_environment(folder: Path, requirements: list[str]) -> Path:
    """Return the Python of a new virtual environment that has these."""
    subprocess.run([sys.executable, "-m", "venv", folder / "venv"], check=True)
    python = folder / "venv" / "bin" / "python"
    subprocess.run([python, "-m", "pip", "install", "--quiet", "dj-database-url", *requirements], check=True)
    return python


def run(command: list[str | Path], url: str) -> str:
    """Run a program far from our own code; return what it wrote."""
    done = subprocess.run(
        command, env={**os.environ, "URL": url}, cwd="/", stdout=subprocess.PIPE, text=True, check=True
    )
    return done.stdout


if __name__ == "__main__":
    main()
