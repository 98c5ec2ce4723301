#!/usr/bin/env python
"""Run a management command of the site, such as `python manage.py runserver`."""

import os
import sys

from django.core.management import execute_from_command_line

# Who sets one of them runs a server, or has said what this machine is.
SITE_VARIABLES = ("ALLOWED_HOSTS", "DATABASE_URL", "DEBUG", "GRIP_URL", "REDIS_URL", "SECRET_KEY")


def main() -> None:
    """Run the command in `sys.argv`; on a machine that sets nothing of the site's, with DEBUG on.

    A fresh checkout then works at once, on the SQLite file in it. A server sets its database and its key, not always both
    for every shell, and there DEBUG stays off unless someone asks.
    """
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "notifyproj.settings")
    if not any(os.environ.get(name) for name in SITE_VARIABLES):
        os.environ["DEBUG"] = "1"
    execute_from_command_line(sys.argv)


if __name__ == "__main__":
    main()
