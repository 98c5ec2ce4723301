"""A real nginx with the site file of `docs/recipes`, in front of workers of a test's own.

Receives the ports of the workers. Guarantees that the recipe is what runs: each of its lines, with addresses, ports and
paths put in where its head says that they are to be replaced.
"""

from __future__ import annotations

import grp
import os
import pwd
import signal
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

from .fronts import RECIPES, SBIN, Front, replaced
from .processes import Process, find_program, free_port
from .program import Program

__all__ = ["Nginx", "PlainNginx"]

PROCESSES: Final = 2
MIME_TYPES: Final = "/etc/nginx/mime.types"

# Debian's own nginx.conf as far as it matters here, gzip included, with nothing outside of one folder.
MAIN: Final = """
daemon off;
{user}
worker_processes {processes};
pid {folder}/nginx.pid;
error_log stderr notice;

events {{
    worker_connections 768;
}}

http {{
    sendfile on;
    tcp_nopush on;
    include {mime_types};
    default_type application/octet-stream;
    access_log off;
    gzip on;
    {more}
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    include {folder}/site.conf;
}}
"""


class Nginx(Front):
    """An nginx.

    Args:
        folder: where a folder for its files goes.
        workers: the two ports of 127.0.0.1 that it shares requests out to.
        static: STATIC_ROOT.
        changes: lines of the recipe and what somebody has written there instead.
        more: directives for all sites, as they may stand in a machine's nginx.conf.
    """

    def __init__(
        self,
        folder: Path,
        workers: Sequence[int],
        *,
        static: Path,
        changes: Mapping[str, str] | None = None,
        more: str = "",
    ) -> None:
        super().__init__(folder)
        folder = self.folder
        first, second = workers
        recipe = (RECIPES / "nginx.conf").read_text()
        site = replaced(
            recipe,
            {
                "example.com/": "",  # of the certificate's path, before the name alone
                "/etc/letsencrypt/live/": f"{folder}/",
                "example.com": "127.0.0.1",
                "127.0.0.1:8001": f"127.0.0.1:{first}",
                "127.0.0.1:8002": f"127.0.0.1:{second}",
                "/srv/notifyproj/staticfiles/": f"{static}/",
                # loopback only, also where the recipe says IPv6
                "listen 80;": f"listen 127.0.0.1:{self.plain_port};",
                "listen [::]:80;": f"listen 127.0.0.1:{free_port()};",
                "listen 443 ": f"listen 127.0.0.1:{self.port} ",
                "listen [::]:443 ": f"listen 127.0.0.1:{free_port()} ",
                **(changes or {}),
            },
        )
        (folder / "site.conf").write_text(site)
        write_main(folder, more=more)
        self.start()

    def launch(self) -> Process:
        return launch(self.folder)

    def reload(self) -> None:
        """Have it read its files again, as `systemctl reload nginx` does: new processes take over new connections."""
        started = self.process.log.count("start worker process ")
        os.kill(self.process.pid, signal.SIGHUP)
        self.process.wait_for_line("start worker process ", count=started + PROCESSES)


class PlainNginx(Program):
    """An nginx over plain HTTP, with the locations of a test's own, such as `location / { proxy_pass …; }`."""

    def __init__(self, folder: Path, locations: str) -> None:
        super().__init__(folder)
        self.folder = folder / f"plain-nginx-{self.port}"
        self.folder.mkdir()
        write_main(self.folder)
        self.write(locations)
        self.start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def write(self, locations: str) -> None:
        """Have it say something else from its next start on."""
        (self.folder / "site.conf").write_text(f"server {{\n    listen 127.0.0.1:{self.port};\n{locations}\n}}\n")

    def launch(self) -> Process:
        return launch(self.folder)


def write_main(folder: Path, *, more: str = "") -> None:
    """Write the file that includes the site's."""
    # started by root it would become `nobody`, who may not read a test's folder
    me = f"user {pwd.getpwuid(os.geteuid()).pw_name} {grp.getgrgid(os.getegid()).gr_name};"
    user = me if os.geteuid() == 0 else ""
    main = MAIN.format(user=user, processes=PROCESSES, folder=folder, mime_types=MIME_TYPES, more=more)
    (folder / "nginx.conf").write_text(main)


def launch(folder: Path) -> Process:
    """Start it with the files of a folder, without waiting."""
    program = find_program("nginx", folders=SBIN)
    return Process([program, "-e", "stderr", "-p", folder, "-c", folder / "nginx.conf"])
