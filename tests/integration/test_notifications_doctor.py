"""`manage.py notifications_doctor` finds what is broken: each finding comes from really breaking the thing, and then goes.

A site over a real Redis, uvicorn and nginx with its recipe; the command in another process of the site.
"""

from __future__ import annotations

import asyncio
import datetime as dt
import json
import re
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path
from typing import Any, Final

import httpx
import pytest

from tests.support.behind import static_of
from tests.support.client import follow
from tests.support.nginx import Nginx
from tests.support.processes import Process, free_port
from tests.support.redis import Redis
from tests.support.servers import PYTHON, Person, Server, Site
from tests.support.shell import ROOT

RUN_SECONDS: Final = 120.0
DEAF_SECONDS: Final = 60.0  # the hub says so after 6 s
MANIFEST: Final = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.ManifestStaticFilesStorage"},
}
LAYER_OF_ONE: Final = {"default": {"BACKEND": "tests.support.layers.LayerOfOne"}}


# In a process of the site, with settings on top of its own; the command itself ends with 1 where it raises.
RUN: Final = """
import io, os
from django.core.management import CommandError, call_command
from django.test.utils import override_settings

os.environ["SSL_CERT_FILE"] = trust
out, refusal = io.StringIO(), ""
with override_settings(**settings):
    try:
        call_command("notifications_doctor", "--json", *arguments, stdout=out)
    except CommandError as error:
        refusal = str(error)
[out.getvalue(), refusal]
"""


@dataclass(frozen=True)
class Diagnosis:
    """What the doctor said once, by code."""

    found: dict[str, dict[str, str]]

    def state(self, code: str) -> str:
        """Return how something is."""
        assert code in self.found, sorted(self.found)
        return self.found[code]["state"]

    @property
    def broken(self) -> set[str]:
        return {code for code, finding in self.found.items() if finding["state"] == "broken"}

    @property
    def risky(self) -> set[str]:
        return {code for code, finding in self.found.items() if finding["state"] == "risky"}


def diagnose(site: Site, *arguments: str, trust: Path | None = None, **settings: Any) -> Diagnosis:
    """Run the doctor on a site, with Django settings on top of the site's own."""
    said, refusal = site.call(RUN, arguments=arguments, settings=settings, trust=str(trust or "/dev/null"))
    findings = [finding for part in json.loads(said)["parts"] for finding in part["findings"]]
    assert all(finding["remedy"] for finding in findings if finding["state"] in ("risky", "broken"))
    diagnosis = Diagnosis({finding["code"]: finding for finding in findings})
    assert set(re.findall(r"[\w.]+\w", refusal.removeprefix("Broken: "))) == diagnosis.broken
    return diagnosis


@pytest.fixture(scope="module")
def redis(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Redis]:
    """The Redis between this module's processes."""
    with Redis(tmp_path_factory.mktemp("redis")) as redis:
        yield redis


@pytest.fixture(scope="module")
def site(blank: Path, redis: Redis, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """A site over Redis, whose static files are collected."""
    folder = tmp_path_factory.mktemp("site")
    settings = {
        "NOTIFICATIONS_REJOIN_SECONDS": 0.5,
        "NOTIFICATIONS_SEND_POLL_SECONDS": 0.5,
        "STATIC_ROOT": str(folder / "static"),
    }
    with Site(folder, blank=blank, redis_url=redis.url, settings=settings, may_log_errors=True) as site:
        site.manage("collectstatic", "--noinput", "--verbosity", "0")
        yield site


@pytest.fixture
def lonely(blank: Path, tmp_path: Path) -> Iterator[Site]:
    """A site of a test's own, to spoil. Without Redis."""
    settings = {"NOTIFICATIONS_SEND_POLL_SECONDS": 0.2, "STATIC_ROOT": str(tmp_path / "static")}
    with Site(tmp_path, blank=blank, settings=settings, may_log_errors=True) as site:
        yield site


@pytest.fixture(scope="module")
def server(site: Site) -> Server:
    """A uvicorn process with DEBUG off, as in production: nginx serves static files."""
    return site.uvicorn(DEBUG=False, ALLOWED_HOSTS=["127.0.0.1"])


@pytest.fixture
def person(site: Site) -> Person:
    """Somebody whose stream may be opened."""
    return site.add_person("reader")


class Fronted:
    """The doctor asks through an nginx whose recipe was changed."""

    def __init__(self, site: Site, server: Server, folder: Path) -> None:
        self.site, self.server, self.folder = site, server, folder

    def ask(self, *arguments: str, changes: dict[str, str] | None = None, more: str = "", **settings: Any) -> Diagnosis:
        ports = (self.server.port, self.server.port)
        with Nginx(self.folder, ports, static=static_of(self.site), changes=changes, more=more) as nginx:
            trust = nginx.folder / "fullchain.pem"
            return diagnose(self.site, "--url", nginx.url, *arguments, trust=trust, **settings)


@pytest.fixture
def nginx(site: Site, server: Server, tmp_path: Path) -> Fronted:
    """A function that asks through nginx."""
    return Fronted(site, server, tmp_path)


# --- A site that is well


def test_a_site_that_is_well(nginx: Fronted, person: Person, site: Site) -> None:
    """Everything is looked at, nothing is broken or risky, and nothing is left behind."""
    diagnosis = nginx.ask("--user", person.username)
    assert (diagnosis.broken, diagnosis.risky) == (set(), set())
    assert {code for code, finding in diagnosis.found.items() if finding["state"] == "well"} == {
        *("checks", "asgi", "database", "database.migrations", "layer", "layer.across", "cache", "static", "worker"),
        *("server", "stream.routed", "static.served", "stream"),
    }
    assert {code for code, finding in diagnosis.found.items() if finding["state"] == "note"} == {"keys.secret"}
    assert site.call("from notifications.models import ApiToken\nApiToken.objects.count()") == 0


def test_what_people_read(site: Site) -> None:
    """Without --json each part has a heading, each remedy an arrow, and what was not asked for is named. It ends with 0."""
    said = site.manage("notifications_doctor")
    assert "Channel layer\n  ok     The layer (channels_redis.pubsub.RedisPubSubChannelLayer) brings back" in said
    assert "→ Give it: --url https://example.com, and --user with somebody's name to open a stream." in said
    assert said.splitlines()[-1].endswith(" ok, 0 risky, 0 broken.")


def test_what_programs_read(lonely: Site) -> None:
    """With --json a document on standard output, whatever is logged; the exit code is 1 where something is broken."""
    command = [PYTHON, "manage.py", "notifications_doctor", "--json"]
    env = lonely.env(DEBUG=False)  # nothing was collected
    done = subprocess.run(command, env=env, cwd=ROOT, capture_output=True, text=True, timeout=RUN_SECONDS, check=False)
    assert (json.loads(done.stdout)["state"], done.returncode) == ("broken", 1)
    assert done.stderr.endswith("CommandError: Broken: static.missing.\n")


# --- Channel layer, cache, keys


async def test_a_redis_that_is_away(blank: Path, tmp_path: Path) -> None:
    """The layer and the cache are found, and so is a server that hears nothing; with Redis back all of it is well."""
    with Redis(tmp_path) as redis:
        settings = {"NOTIFICATIONS_REJOIN_SECONDS": 0.5}
        with Site(tmp_path, blank=blank, redis_url=redis.url, settings=settings, may_log_errors=True) as site:
            server = site.uvicorn()
            async with follow(server, site.add_person()):
                redis.kill()
                await health_becomes(server, HTTPStatus.SERVICE_UNAVAILABLE)
                diagnosis = diagnose(site, "--url", server.url)
                assert diagnosis.broken == {"layer.away", "server.deaf"}
                assert "cache.away" in diagnosis.risky
                redis.start()
                await health_becomes(server, HTTPStatus.OK)
                diagnosis = diagnose(site, "--url", server.url)
                assert (diagnosis.broken, diagnosis.risky) == (set(), set())


async def health_becomes(server: Server, status: HTTPStatus) -> None:
    """Wait until the server says so of itself."""
    deadline = time.monotonic() + DEAF_SECONDS
    async with httpx.AsyncClient(trust_env=False) as http:
        while (await http.get(f"{server.url}/notifications/health/")).status_code != status:
            assert time.monotonic() < deadline, server.process.tail


def test_a_layer_that_stays_in_its_process(lonely: Site) -> None:
    """It brings back what is sent here, so only a second process shows that it is not one for a site."""
    lonely.settings["CHANNEL_LAYERS"] = LAYER_OF_ONE
    diagnosis = diagnose(lonely)
    assert diagnosis.state("layer") == "well"
    assert diagnosis.broken == {"layer.alone"}


COUNT: Final = "from notifications.models.presence import Process\nProcess.objects.count()"


async def test_several_processes_that_share_nothing(lonely: Site) -> None:
    """One process does with memory; two with streams do not hear each other, and count on their own."""
    diagnosis = diagnose(lonely)
    assert (diagnosis.state("layer"), diagnosis.state("cache")) == ("well", "well")
    reader = lonely.add_person()
    first, second = lonely.uvicorn(), lonely.uvicorn()
    async with follow(first, reader), follow(second, reader), asyncio.timeout(DEAF_SECONDS):
        while lonely.call(COUNT) < 2:  # noqa: ASYNC110 - each writes a row with its next sweep, and no event
            await asyncio.sleep(0.2)
        assert {"layer.memory", "cache.alone"} <= diagnose(lonely).risky


def test_a_cache_that_keeps_nothing(lonely: Site) -> None:
    """Limits would count to one for ever."""
    caches = {"default": {"BACKEND": "django.core.cache.backends.dummy.DummyCache"}}
    assert "cache.empty" in diagnose(lonely, CACHES=caches).risky


def test_keys(lonely: Site) -> None:
    """A key from `startproject` is a risk once DEBUG is off; a good one is well."""
    assert diagnose(lonely).state("keys.secret") == "note"
    assert diagnose(lonely, DEBUG=False).state("keys.secret") == "risky"
    assert diagnose(lonely, DEBUG=False, SECRET_KEY="".join(map(chr, range(40, 100)))).state("keys") == "well"


def test_an_edge_that_is_away(lonely: Site) -> None:
    """Nobody listens where streams are to be published; then somebody does."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{listener.getsockname()[1]}?key={'k' * 32}"
        assert "edge.away" in diagnose(lonely, NOTIFICATIONS_GRIP_URL=url).broken
        listener.listen()
        assert diagnose(lonely, NOTIFICATIONS_GRIP_URL=url).state("edge") == "well"


def test_what_the_system_checks_find(lonely: Site) -> None:
    """They run whatever they find, keep their ids, and an error ends with 1; what they say is said once."""
    diagnosis = diagnose(lonely, NOTIFICATIONS_PING_SECONDS="15", NOTIFICATIONS_PING_SECOND=15, ASGI_APPLICATION=None)
    assert diagnosis.state("notifications.E008") == "broken"
    assert diagnosis.state("notifications.W009") == "risky"
    assert not {"asgi", "checks"} & diagnosis.found.keys()


# --- Database


def test_a_database_that_is_away(tmp_path: Path, lonely: Site) -> None:
    """What needs it says that it could not look, and the rest is looked at."""
    lonely.database_url = f"sqlite:///{tmp_path / 'nowhere' / 'site.sqlite3'}"
    diagnosis = diagnose(lonely)
    assert diagnosis.broken == {"database.away"}
    assert diagnosis.state("unseen") == "note"
    assert diagnosis.state("static") == "well"


def test_a_migration_that_is_missing(lonely: Site) -> None:
    """It is named, and so is the command; then it is applied."""
    lonely.manage("migrate", "live_notifications", "zero", "--verbosity", "0")
    diagnosis = diagnose(lonely)
    assert diagnosis.broken == {"database.migrations"}
    assert "live_notifications.0001" in diagnosis.found["database.migrations"]["message"]
    assert "manage.py migrate" in diagnosis.found["database.migrations"]["remedy"]
    lonely.manage("migrate", "--verbosity", "0")
    assert diagnose(lonely).state("database.migrations") == "well"


def test_sqlite_in_production(lonely: Site) -> None:
    """A risk, with DEBUG off."""
    assert "database.sqlite" not in diagnose(lonely).found
    assert "database.sqlite" in diagnose(lonely, DEBUG=False).risky


def test_inboxes_that_were_repaired(lonely: Site) -> None:
    """Somebody writes past the log: no fault by now, and worth a look."""
    reader = lonely.add_person()
    lonely.call("notify(user, title='One').pk\nInbox.objects.update(unread=7, unseen=0)", user=reader.pk)
    lonely.call("mark_all_read(user)", user=reader.pk)
    assert diagnose(lonely).state("database.mended") == "note"


# --- Broadcasts


ORDER: Final = """
from notifications import order_broadcast
from notifications.models import Broadcast
order_broadcast(Broadcast.objects.create(title="Sale", **fields)).pk
"""


def test_a_worker_that_is_missing(lonely: Site) -> None:
    """What was ordered, and what ought to have begun or expired, waits for nobody; then a worker takes it up."""
    lonely.add_person()
    lonely.call(ORDER, fields={})
    diagnosis = diagnose(lonely, NOTIFICATIONS_SEND_IN_PROCESS=False)
    assert diagnosis.broken == {"worker.missing"}
    assert "manage.py send_broadcasts" in diagnosis.found["worker.missing"]["remedy"]
    assert "with_stream()" in diagnose(lonely).found["worker.missing"]["remedy"]
    lonely.manage("send_broadcasts", "--once")
    assert diagnose(lonely).state("worker") == "well"
    later = dt.datetime.now(dt.UTC) - dt.timedelta(minutes=1)
    lonely.call("from notifications.models import Broadcast\nBroadcast.objects.update(expires_at=at)", at=str(later))
    assert diagnose(lonely).broken == {"worker.missing"}


def test_a_worker_at_work_is_seen(lonely: Site) -> None:
    """One that has much to do and goes slowly is no missing one."""
    for _ in range(30):
        lonely.add_person()
    settings: dict[str, Any] = {"NOTIFICATIONS_SEND_USERS_PER_SECOND": 2}
    command = [PYTHON, "manage.py", "send_broadcasts"]
    with Process(command, env=lonely.env(**settings), cwd=ROOT) as worker:
        worker.wait_for_line("sends what is due")
        lonely.call(ORDER, fields={})
        assert diagnose(lonely, **settings).state("worker") == "well"


def test_a_broadcast_that_was_given_up(lonely: Site) -> None:
    """Its reason is shown."""
    pk = lonely.call(ORDER, fields={"audience": "users", "chosen": [lonely.add_person().pk]})
    lonely.call("from notifications.models import Broadcast\nBroadcast.objects.update(chosen=['nobody'])")
    lonely.manage("send_broadcasts", "--once")
    diagnosis = diagnose(lonely)
    assert diagnosis.state("worker.gave_up") == "risky"
    assert f"The broadcast {pk} ('Sale') cannot go on: " in diagnosis.found["worker.gave_up"]["message"]


# --- Static files


def test_static_files_that_were_not_collected(lonely: Site) -> None:
    """Without a manifest, with one, and after an upgrade; `collectstatic` mends each."""
    plain: dict[str, Any] = {"DEBUG": False}
    assert diagnose(lonely, **plain).broken == {"static.missing"}
    lonely.manage("collectstatic", "--noinput", "--verbosity", "0")
    assert diagnose(lonely, **plain).state("static") == "well"
    stale = static_of(lonely) / "notifications" / "index.js"
    stale.write_text("// of an older release\n")
    assert diagnose(lonely, **plain).broken == {"static.stale"}
    hashed: dict[str, Any] = {"DEBUG": False, "STORAGES": MANIFEST}
    assert diagnose(lonely, **hashed).broken == {"static.manifest"}
    lonely.manage("collectstatic", "--noinput", "--verbosity", "0", "--clear", **hashed)
    assert diagnose(lonely, **hashed).state("static") == "well"
    for path in (static_of(lonely) / "notifications").glob("index.*.js"):
        path.unlink()
    assert diagnose(lonely, **hashed).broken == {"static.missing"}


def test_static_files_that_nobody_serves(site: Site, server: Server) -> None:
    """With DEBUG off the server does not, and nothing stands in front of it."""
    assert diagnose(site, "--url", server.url, DEBUG=False).broken == {"static.unserved"}


def test_static_files_of_the_wrong_type(nginx: Fronted) -> None:
    """Browsers run no module that is called a stream of bytes."""
    static = f"alias {static_of(nginx.site)}/;"
    assert nginx.ask(changes={static: f"{static} types {{ }}"}).broken == {"static.type"}


def test_static_files_of_another_origin(lonely: Site, tmp_path: Path) -> None:
    """A store that does not allow other origins to use its modules."""
    lonely.manage("collectstatic", "--noinput", "--verbosity", "0")
    port = free_port()
    command = [sys.executable, "-m", "http.server", "--bind", "127.0.0.1", "--directory", str(tmp_path), str(port)]
    with Process(command, name="a store without CORS") as store:
        store.wait_for_port(port)
        address = f"http://127.0.0.1:{port}/static/"
        settings: dict[str, Any] = {"DEBUG": False, "ALLOWED_HOSTS": ["*"], "STATIC_URL": address}
        server = lonely.uvicorn(**settings)
        assert diagnose(lonely, "--url", server.url, **settings).broken == {"static.cors"}


# --- The public address


def test_an_address_that_nobody_listens_at(site: Site) -> None:
    """The way ends before it began."""
    assert diagnose(site, "--url", f"http://127.0.0.1:{free_port()}").broken == {"address.away"}


def test_an_address_that_leads_elsewhere(site: Site, server: Server, tmp_path: Path) -> None:
    """A host that the site does not answer to, another server, and one that sends on."""
    elsewhere = diagnose(site, "--url", f"http://localhost:{server.port}")
    assert elsewhere.broken == {"address.elsewhere"}
    assert "ALLOWED_HOSTS" in elsewhere.found["address.elsewhere"]["remedy"]
    with Nginx(tmp_path, (server.port, server.port), static=static_of(site)) as front:
        moved = diagnose(site, "--url", front.plain_url)
        assert moved.broken == {"address.moved"}
        assert front.url.partition("://")[2].partition(":")[0] in moved.found["address.moved"]["message"]
        # whose certificate nobody knows
        assert diagnose(site, "--url", front.url).broken == {"address.away"}


def test_a_server_that_speaks_wsgi(site: Site) -> None:
    """Gunicorn's own workers answer for the pages, and cannot hold a stream."""
    port = free_port()
    command = [PYTHON, "-m", "gunicorn", "--bind", f"127.0.0.1:{port}", "--no-control-socket"]
    with Process([*command, "django.core.wsgi:get_wsgi_application()"], env=site.env(), cwd=ROOT) as gunicorn:
        gunicorn.wait_for_port(port)
        diagnosis = diagnose(site, "--url", f"http://127.0.0.1:{port}")
    assert "stream.unrouted" in diagnosis.broken
    assert "ASGI server" in diagnosis.found["stream.unrouted"]["remedy"]


def test_a_proxy_that_buffers(nginx: Fronted, person: Person) -> None:
    """It holds the frames of the stream back, and nothing else is wrong."""
    line = "proxy_http_version 1.1;"
    diagnosis = nginx.ask("--user", person.username, changes={line: f"{line} proxy_ignore_headers X-Accel-Buffering;"})
    assert diagnosis.broken == {"stream.held"}
    assert "proxy_buffering off" in diagnosis.found["stream.held"]["remedy"]


def test_a_proxy_that_compresses(nginx: Fronted, person: Person) -> None:
    """Nginx passes on at once what it compresses; so this is a risk, not a fault."""
    diagnosis = nginx.ask("--user", person.username, more="gzip_types *; gzip_proxied any; gzip_min_length 0;")
    assert (diagnosis.broken, diagnosis.risky) == (set(), {"stream.compressed"})
    assert diagnosis.state("stream") == "well"


def test_a_proxy_that_takes_headers_off(nginx: Fronted, person: Person) -> None:
    """What keeps a cache from keeping a stream does not arrive."""
    line = "proxy_http_version 1.1;"
    diagnosis = nginx.ask("--user", person.username, changes={line: f"{line} proxy_hide_header Cache-Control;"})
    assert diagnosis.risky == {"stream.headers"}


def test_a_proxy_that_takes_the_token_off(nginx: Fronted, person: Person) -> None:
    """Pages would be live, programs are not let in."""
    line = "proxy_http_version 1.1;"
    diagnosis = nginx.ask("--user", person.username, changes={line: f'{line} proxy_set_header Authorization "";'})
    assert diagnosis.broken == {"stream.no_token"}


def test_a_server_with_another_database(site: Site, server: Server, lonely: Site) -> None:
    """The token that was just made is not known there."""
    reader = lonely.add_person()
    diagnosis = diagnose(lonely, "--url", server.url, "--user", reader.username)
    assert "stream.unknown_token" in diagnosis.broken
    # whatever the key, for a token is found by a plain digest
    assert "SECRET_KEY" not in diagnosis.found["stream.unknown_token"]["remedy"]


async def test_a_server_that_is_full(lonely: Site) -> None:
    """It says goodbye at once, which is a frame as well."""
    reader = lonely.add_person()
    server = lonely.uvicorn(NOTIFICATIONS_STREAMS_PER_PROCESS=1)
    async with follow(server, lonely.add_person()):
        diagnosis = diagnose(lonely, "--url", server.url, "--user", reader.username)
    assert diagnosis.broken == {"stream.ended"}


def test_a_user_who_may_not_follow(lonely: Site) -> None:
    """The site's own hook refuses the user; whose hook it is, is said."""
    reader = lonely.add_person()
    server = lonely.uvicorn(NOTIFICATIONS_ADMIT="tests.support.doors.refuse_everybody")
    diagnosis = diagnose(lonely, "--url", server.url, "--user", reader.username)
    assert diagnosis.broken == {"stream.refused"}
    assert "NOTIFICATIONS_ADMIT" in diagnosis.found["stream.refused"]["remedy"]
