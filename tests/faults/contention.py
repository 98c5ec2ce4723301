"""Eight writers who lock rows in every pattern that sites have, for a minute on each database that has row locks.

    python -m tests.faults.contention                 a minute on PostgreSQL and on MariaDB
    python -m tests.faults.contention --seconds 600   longer

The exit code is 1 where anything failed, deadlocked or was counted wrong. The ordinary tests do so for 800 transactions.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
from typing import Final

from tests.support.mariadb import Mariadb
from tests.support.postgres import Postgres
from tests.support.shell import ROOT

__all__: list[str] = []

TEST: Final = "tests/unit/log/test_locks.py::test_eight_writers_mix_every_pattern"


def main() -> int:
    """Run what the command line asks for."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seconds", type=float, default=60.0)
    wish = parser.parse_args()
    codes = []
    for kind in (Postgres, Mariadb):
        with kind() as database:
            env = {**os.environ, "DATABASE_URL": database.url, "CONTENTION_SECONDS": str(wish.seconds)}
            command = [sys.executable, "-m", "pytest", TEST, "-q", "-s", "-p", "no:cacheprovider"]
            codes.append(subprocess.run(command, cwd=ROOT, env=env, check=False).returncode)
    return int(any(codes))


if __name__ == "__main__":
    sys.exit(main())
