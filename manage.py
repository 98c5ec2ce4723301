#!/usr/bin/env python
"""Run a management command of the site, such as `python manage.py runserver`."""

import os
import sys

from django.core.management import execute_from_command_line


def main() -> None:
    """Run the command in `sys.argv`; on a machine that sets neither DEBUG nor SECRET_KEY, with DEBUG on.

    A fresh checkout then works at once. A server sets SECRET_KEY, and there DEBUG stays off unless someone asks.
    """
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "notifyproj.settings")
    if not os.environ.get("DEBUG") and not os.environ.get("SECRET_KEY"):
        os.environ["DEBUG"] = "1"
    execute_from_command_line(sys.argv)


if __name__ == "__main__":
    main()
