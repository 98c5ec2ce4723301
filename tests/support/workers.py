"""Two workers of a site on ports that stay theirs, to be killed, stopped and started again behind a proxy."""

from __future__ import annotations

import configparser
import shlex
import sys
from pathlib import Path
from typing import Final

from .fronts import RECIPES, replaced
from .processes import Process, find_program, free_port
from .servers import ASGI, PYTHON, Server, Site
from .shell import ROOT

__all__ = ["UNIT", "Workers", "unit"]

UNIT: Final = "notifyproj@.service"
BIN: Final = "/srv/notifyproj/.venv/bin/"  # where the unit has its programs


def unit(port: int | str = "%i") -> configparser.ConfigParser:
    """Return the systemd unit of the recipes as it reads for one port, with the programs of this test run."""
    # a setting may stand twice, such as SystemCallFilter
    parser = configparser.ConfigParser(interpolation=None, delimiters=("=",), strict=False)
    changes = {
        "%i": str(port),
        BIN: f"{Path(sys.executable).parent}/",
        "/usr/bin/curl": find_program("curl"),
    }
    parser.read_string(replaced((RECIPES / UNIT).read_text(), changes))
    return parser


class Workers:
    """A pair of processes of one program, `daphne` or `uvicorn`. They end with their site.

    Args:
        site: whose settings and database they have.
        program: uvicorn is started as the systemd unit does it, Daphne with the flags that the guide names.
    """

    def __init__(self, site: Site, program: str) -> None:
        self.site = site
        self.program = program
        self.ports = (free_port(), free_port())
        self.servers: list[Server | None] = [None, None]
        self.start()

    def start(self) -> None:
        """Start whoever is down, at once, and wait until all answer."""
        for number, port in enumerate(self.ports):
            server = self.servers[number]
            if server is None or not server.process.is_running:
                self.servers[number] = self._begin(port)
        for number, port in enumerate(self.ports):
            self[number].process.wait_for_port(port)  # sooner than curl asks again
            with Process(shlex.split(unit(port)["Service"]["ExecStartPost"]), env={}) as curl:
                assert curl.wait() == 0, curl.tail

    def _begin(self, port: int) -> Server:
        command = shlex.split(unit(port)["Service"]["ExecStart"])
        if self.program == "daphne":
            command = [PYTHON, "-m", "daphne", "--bind", "127.0.0.1", "--port", str(port), "--proxy-headers", ASGI]
        process = Process(command, name=f"{self.program} {port}", env=self.site.env(), cwd=ROOT)
        server = Server(process, port)
        self.site.servers.append(server)
        return server

    def __getitem__(self, number: int) -> Server:
        server = self.servers[number]
        assert server is not None
        return server

    def kill(self, *numbers: int) -> None:
        """Kill these, as a crash does."""
        for number in numbers:
            self[number].process.kill()

    def stop(self, number: int) -> int:
        """Stop one as systemd does, within the time that the unit grants; return its exit code."""
        return self[number].process.stop(seconds=float(unit()["Service"]["TimeoutStopSec"]))
