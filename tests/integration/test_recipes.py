"""The recipes are safe as they stand: each runs with its own addresses, ports, limits and hosts, in a network of its own.

Only where files are (certificate, static files) is replaced. What they do for streams is tested in
`e2e/test_nginx.py`, `e2e/test_proxies.py` and `test_pushpin.py`.
"""

from __future__ import annotations

import json
import os
import shlex
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.support.client import follow
from tests.support.fronts import RECIPES, SBIN, certify, replaced
from tests.support.namespace import Namespace
from tests.support.nginx import MAIN, MIME_TYPES
from tests.support.processes import Process, find_program, free_port
from tests.support.servers import Person, Server, Site
from tests.support.shell import ROOT
from tests.support.visit import Visit
from tests.support.workers import UNIT, unit

WORKERS = ("8001", "8002")
EVERYWHERE = {"0.0.0.0", "::", "::ffff:0.0.0.0"}  # noqa: S104 - what a public web server listens on
REFUSED = (0, 413, 502)  # while it still writes, curl may not hear the answer
URL = "https://example.com/arrived/"


@dataclass
class Front:
    """A proxy that runs in a network of its own, as its recipe says."""

    network: Namespace
    folder: Path

    def ask(self, *options: str, url: str = URL) -> tuple[int, str]:
        """Ask as a visitor's curl does; return the status, 0 where the connection was cut, and the answer."""
        hosts = [word for port in (80, 443) for word in ("--resolve", f"example.com:{port}:127.0.0.1")]
        form = ["--silent", "--insecure", "--write-out", "\n%{http_code} %{redirect_url}"]
        answer, _, end = self.network.call(find_program("curl"), *form, *hosts, *options, url).rpartition("\n")
        status, _, redirect = end.partition(" ")
        return int(status), redirect or answer


def run_nginx(network: Namespace, folder: Path) -> None:
    """Start nginx with the recipe, included as Debian's nginx.conf does it."""
    site = replaced(
        (RECIPES / "nginx.conf").read_text(),
        {"/etc/letsencrypt/live/example.com/": f"{folder}/", "/srv/notifyproj/staticfiles/": f"{folder}/"},
    )
    (folder / "site.conf").write_text(site)
    main = MAIN.format(user="user root;", processes=1, folder=folder, mime_types=MIME_TYPES, more="")
    (folder / "nginx.conf").write_text(main)
    program = find_program("nginx", folders=SBIN)
    network.start(program, "-e", "stderr", "-p", folder, "-c", folder / "nginx.conf", port=443)


def run_caddy(network: Namespace, folder: Path) -> None:
    """Start Caddy with the recipe, and a certificate, for nobody would give it one here."""
    site = replaced(
        (RECIPES / "Caddyfile").read_text(),
        {"example.com {": f"example.com {{\n\ttls {folder}/fullchain.pem {folder}/privkey.pem"},
    )
    (folder / "Caddyfile").write_text(site)
    words: list[str | Path] = ["run", "--config", folder / "Caddyfile", "--adapter", "caddyfile"]
    network.start(find_program("env"), f"HOME={folder}", find_program("caddy"), *words, port=443)


def run_haproxy(network: Namespace, folder: Path) -> None:
    """Start HAProxy with the recipe."""
    (folder / "both.pem").write_text((folder / "fullchain.pem").read_text() + (folder / "privkey.pem").read_text())
    changes = {"/etc/haproxy/example.com.pem": f"{folder}/both.pem"}
    changes |= {"maxconn 40000": "maxconn 1000"}  # who is not root may not raise the limit of open files
    recipe = replaced((RECIPES / "haproxy.cfg").read_text(), changes)
    (folder / "haproxy.cfg").write_text(recipe)
    network.start(find_program("haproxy", folders=SBIN), "-db", "-f", folder / "haproxy.cfg", port=443)


FRONTS: dict[str, Callable[[Namespace, Path], None]] = {"nginx": run_nginx, "caddy": run_caddy, "haproxy": run_haproxy}


@pytest.fixture(params=FRONTS)
def front(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Front]:
    """Each proxy in turn, in front of two workers that tell what reaches them."""
    certify(tmp_path)
    with Namespace() as network:
        network.start(sys.executable, ROOT / "tests" / "support" / "echo.py", *WORKERS, port=8002)
        FRONTS[request.param](network, tmp_path)
        yield Front(network, tmp_path)


def test_a_proxy_listens_where_visitors_come(front: Front) -> None:
    """Ports 80 and 443 on all addresses, in HTTP/1.1 and HTTP/2; nothing else can be reached from elsewhere."""
    public = {port for address, port in front.network.listening() if address in EVERYWHERE}
    assert public == {80, 443}
    assert front.ask("--http2")[0] == front.ask("--http1.1")[0] == 200
    assert front.ask(url="http://example.com/notifications/?page=2") in [
        (status, "https://example.com/notifications/?page=2") for status in (301, 308)
    ]


def test_workers_hear_of_the_visitor_what_is_true(front: Front) -> None:
    """What a visitor claims about address and scheme is overwritten, and the host is passed on."""
    lies = [f"X-Forwarded-{name}" for name in ("For: 203.0.113.9", "Proto: http", "Proto: HTTPS, http")]
    status, answer = front.ask(*(word for lie in lies for word in ("--header", lie)))
    headers = json.loads(answer)["headers"]
    assert status == 200
    assert headers["Host"] == "example.com"
    assert headers["X-Forwarded-Proto"] == "https"
    assert headers["X-Forwarded-For"] == "127.0.0.1"


@pytest.mark.parametrize("way", ["--http1.1", "--http2"])
def test_a_large_body_is_refused(front: Front, way: str) -> None:
    """More than a megabyte never reaches a worker, which would write it to its disk before it asks who sends it."""
    (front.folder / "small").write_bytes(b"x" * 900_000)
    (front.folder / "large").write_bytes(b"x" * 3_000_000)
    small = front.ask(way, "--data-binary", f"@{front.folder}/small", "--header", "Expect:")
    assert (small[0], json.loads(small[1])["bytes"]) == (200, 900_000)
    assert front.ask(way, "--data-binary", f"@{front.folder}/large", "--header", "Expect:")[0] in REFUSED


@pytest.mark.parametrize("way", ["--http1.1", "--http2"])
def test_a_large_body_of_unknown_length_is_refused(front: Front, way: str) -> None:
    """The same where it does not say how long it will be."""
    (front.folder / "small").write_bytes(b"x" * 900_000)
    (front.folder / "large").write_bytes(b"x" * 3_000_000)
    unknown = ["--header", "Content-Length:"] if way == "--http2" else ["--header", "Transfer-Encoding: chunked"]
    words = [way, "--request", "POST", "--header", "Expect:", *unknown, "--upload-file"]
    assert front.ask(*words, f"{front.folder}/large")[0] in REFUSED
    status, answer = front.ask(*words, f"{front.folder}/small")
    assert status in REFUSED or json.loads(answer)["bytes"] == 900_000


def test_pushpin_is_for_this_machine(tmp_path: Path) -> None:
    """It believes what comes to it, so nobody else may: it once listened on all addresses, in clear text."""
    with tempfile.TemporaryDirectory(prefix="pushpin-") as folder:  # short: a socket's path may have 107 bytes
        changes = {"/var/run/pushpin": folder, "/var/log/pushpin": folder}
        (tmp_path / "pushpin.conf").write_text(replaced((RECIPES / "pushpin.conf").read_text(), changes))
        (tmp_path / "routes").write_text((RECIPES / "pushpin-routes").read_text())
        with Namespace() as network:
            words: list[str | Path] = [find_program("pushpin"), "--merge-output", "--config", tmp_path / "pushpin.conf"]
            pushpin = network.start(*words, port=7999)
            try:
                while len(found := network.listening()) < 2:
                    assert pushpin.is_running, pushpin.tail
            finally:
                pushpin.stop()  # its services lead groups of their own, and end with it
            assert found == {("127.0.0.1", 7999), ("127.0.0.1", 5561)}


def test_systemd_finds_little_to_blame() -> None:
    """The unit's exposure is below 2 of 10 by `systemd-analyze security`; without its limits it was 9.2, unsafe."""
    command = [find_program("systemd-analyze"), "security", "--offline=yes", "--threshold=20", "--no-pager"]
    done = subprocess.run([*command, RECIPES / UNIT], capture_output=True, text=True, check=False, env=os.environ)
    assert done.returncode == 0, done.stdout
    assert "Overall exposure level" in done.stdout


@pytest.mark.asyncio(loop_scope="session")
async def test_a_worker_runs_under_the_limits_of_its_unit(site: Site, user: Person, other: Person) -> None:
    """It starts, serves pages and streams, writes to its one folder, and leaves at SIGTERM: no limit is one too many."""
    port = free_port()
    service = unit(port)["Service"]
    confined: list[str | Path] = [
        sys.executable,
        ROOT / "tests" / "support" / "confine.py",
        RECIPES / UNIT,
        site.folder,
    ]
    env = site.env() | {"TMPDIR": str(site.folder)}
    process = Process([*confined, *shlex.split(service["ExecStart"])], name="confined worker", env=env, cwd=ROOT)
    server = Server(process, port)
    site.servers.append(server)
    process.wait_for_port(port)
    with Process([*confined, *shlex.split(service["ExecStartPost"])], env={"PATH": os.environ["PATH"]}) as curl:
        assert curl.wait() == 0, curl.tail
    async with follow(server, user) as mine, follow(server, other) as theirs:
        pk = await site.acall("notify(user, title='Confined').pk", user=user.pk)
        await mine.knows("Confined")
        async with Visit(server.url) as visit:
            await visit.login(user)
            await visit.do(f"/notifications/{pk}/read/")
        await mine.until(lambda client: client.replica.unread == 0)
        assert not theirs.changes
    process.stop(seconds=float(service["TimeoutStopSec"]))
    assert "Finished server process" in process.log
