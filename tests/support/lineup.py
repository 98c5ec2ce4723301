"""The ASGI servers that the guide names, started with the very commands that stand there, and proxies with their recipes.

Receives a site. Guarantees that a server answers when `start()` returns, and that it runs as `docs/howto/servers.md` says,
but for the port.
"""

from __future__ import annotations

import re
import shlex
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import httpx

from .caddy import Caddy
from .fronts import Front
from .haproxy import Haproxy
from .nginx import Nginx
from .processes import Process, free_port
from .secure import trusting_anybody
from .servers import Server, Site
from .shell import ROOT

__all__ = ["FRONTS", "SERVERS", "TLS_OPTIONS", "command_of", "start", "start_front"]

GUIDE: Final = ROOT / "docs" / "howto" / "servers.md"
# How a table calls a server, and the program that its command in the guide begins with.
SERVERS: Final = {
    "Daphne": "daphne",
    "uvicorn": "uvicorn",
    "gunicorn": "gunicorn",
    "granian": "granian",
    "hypercorn": "hypercorn",
}
FRONTS: Final = ("", "nginx", "Caddy", "HAProxy")  # "": none
TLS_OPTIONS: Final = {"granian": ("--ssl-certificate", "--ssl-keyfile"), "hypercorn": ("--certfile", "--keyfile")}
PORT: Final = "8000"
READY_SECONDS: Final = 20.0


def command_of(program: str) -> list[str]:
    """Return the words of the guide's command for a program, with the program of this test run."""
    lines = re.findall(rf"^{program} .*{re.escape('notifyproj.asgi:application')}$", GUIDE.read_text(), re.MULTILINE)
    assert lines, f"{GUIDE} has no command for {program}."
    words = shlex.split(lines[0])
    return [str(Path(sys.executable).parent / words[0]), *words[1:]]


def start(site: Site, name: str, *options: str, certificate: Path | None = None, **settings: Any) -> Server:
    """Start a server of `SERVERS` on a free port. Keywords are Django settings.

    Args:
        options: of the server, besides those of the guide.
        certificate: a folder as `certify()` fills it; then it speaks TLS by itself.
    """
    port = free_port()
    program, *words = command_of(SERVERS[name])
    assert sum(PORT in word for word in words) == 1, f"The guide's command for {name} names port {PORT} not once."
    words = [word.replace(PORT, str(port)) for word in words]
    tls: list[str] = []
    if certificate is not None:
        names = ("fullchain.pem", "privkey.pem")
        for option, file in zip(TLS_OPTIONS[name], names, strict=True):
            tls += [option, str(certificate / file)]
    process = Process(
        [program, *tls, *options, *words], name=f"{SERVERS[name]} {port}", env=site.env(**settings), cwd=ROOT
    )
    server = Server(process, port)
    site.servers.append(server)
    process.wait_for_port(port)
    # a supervisor listens before its worker does
    url = f"{'https' if tls else 'http'}://127.0.0.1:{port}/notifications/health/"
    httpx.get(url, timeout=READY_SECONDS, trust_env=False, verify=trusting_anybody())
    return server


def start_front(name: str, folder: Path, workers: Sequence[int], *, static: Path) -> Front:
    """Start a proxy of `FRONTS` in front of two ports."""
    if name == "HAProxy":  # it serves no files
        return Haproxy(folder, workers)
    return (Caddy if name == "Caddy" else Nginx)(folder, workers, static=static)
