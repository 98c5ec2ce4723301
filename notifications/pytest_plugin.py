"""Fixtures for pytest: the assertions of `testing.py`, and with them the database.

    def test_an_order_notifies(admin_user, assert_notified):
        place_order(admin_user)
        assert_notified(admin_user, title="Order placed")

pytest finds this module by its entry point where the app is installed; from a checkout, `-p notifications.pytest_plugin`.
Loads nothing of Django before a fixture is used, since there need be no settings yet. The fixture `db` is pytest-django's.
"""

from __future__ import annotations

from importlib import import_module
from typing import Any

import pytest

__all__ = ["assert_not_notified", "assert_notified", "inbox_of", "send_due_broadcasts"]


@pytest.fixture
def assert_notified(db: None) -> Any:
    """Fail unless a user was told this: `assert_notified(user, title=…)`."""
    return find("assert_notified")


@pytest.fixture
def assert_not_notified(db: None) -> Any:
    """Fail if a user was told this, or anything: `assert_not_notified(user)`."""
    return find("assert_not_notified")


@pytest.fixture
def inbox_of(db: None) -> Any:
    """Return a user's inbox as it is now: `inbox_of(user).unread`."""
    return find("inbox_of")


@pytest.fixture
def send_due_broadcasts(db: None) -> Any:
    """Send now what a worker would send: `send_due_broadcasts()`."""
    return find("send_due_broadcasts")


def find(name: str) -> Any:
    return getattr(import_module("notifications.testing"), name)
