"""Install what a run needs beyond the site's own requirements, and say so first."""

from __future__ import annotations

import argparse
import subprocess
import sys
from pathlib import Path

from bench.servers import PEERS_PYTHON, ROOT

HERE = Path(__file__).resolve().parent
NCHAN = Path("/usr/lib/nginx/modules/ngx_nchan_module.so")


def install(options: argparse.Namespace) -> None:
    """Make sure of Redis, of PostgreSQL where asked for, and of the peers asked for."""
    programs = ["redis-server", *(["postgres"] if "postgres" in options.databases else [])]
    subprocess.run([ROOT / "scripts" / "setup_system.sh", *programs], check=True)
    if "nchan" in options.peers and not NCHAN.exists():
        print("Installing nginx and nchan (apt-get install nginx libnginx-mod-nchan)", flush=True)
        subprocess.run([ROOT / "scripts" / "setup_system.sh", "nginx"], check=True)
        subprocess.run(
            ["apt-get", "install", "-y", "-qq", "--no-install-recommends", "libnginx-mod-nchan"],
            check=True,
            stdout=subprocess.DEVNULL,
        )
    if set(options.peers) - {"nchan", "bare send()"} or "uvicorn-fast" in options.servers:
        install_python_peers()


def install_python_peers() -> None:
    """Make bench/.venv as bench/requirements.txt describes it, unless it is that already."""
    stamp = PEERS_PYTHON.parent.parent / ".installed"
    wanted = HERE / "requirements.txt"
    made_from = wanted, ROOT / "requirements.txt", ROOT / "constraints.txt"
    if stamp.exists() and all(stamp.stat().st_mtime >= file.stat().st_mtime for file in made_from):
        return
    print("Installing the peers into bench/.venv (pip install -r bench/requirements.txt)", flush=True)
    subprocess.run([sys.executable, "-m", "venv", PEERS_PYTHON.parent.parent], check=True)
    pip = [PEERS_PYTHON, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "-r", wanted]
    subprocess.run(pip, check=True)
    stamp.touch()
