"""The app's own errors: one base to catch them all, and the builtin that a developer would expect."""

import importlib
import pkgutil
from typing import Any

import pytest
from django.core.exceptions import ValidationError

import notifications
from notifications import exceptions
from notifications.broadcasts.leases import LeaseLost
from notifications.exceptions import (
    BypassesLog,
    InvalidArgument,
    InvalidSetting,
    NotificationsError,
    UnknownContent,
)

PUBLIC = [vars(exceptions)[name] for name in exceptions.__all__]
ERRORS = [each for each in PUBLIC if issubclass(each, Exception)]  # the others are what an error holds


@pytest.mark.parametrize("error", ERRORS)
def test_every_error_is_of_one_family(error: type[Exception]) -> None:
    """Who catches `NotificationsError` catches whatever this app raises itself."""
    assert issubclass(error, NotificationsError)


def test_errors_of_single_rooms_are_of_the_family_too() -> None:
    """What a module defines for itself is caught by the same name, unless it is of the kind that forms show."""
    found: dict[str, Any] = {}
    for module in pkgutil.walk_packages(notifications.__path__, "notifications."):
        if ".migrations" not in module.name:
            things = vars(importlib.import_module(module.name))
            found |= {f"{module.name}.{name}": each for name, each in things.items() if is_own_error(module.name, each)}
    assert "notifications.hub.listener.ProbeLost" in found
    assert [name for name, each in found.items() if not issubclass(each, NotificationsError | ValidationError)] == []


def is_own_error(module: str, thing: Any) -> bool:
    """Return whether a module defines this exception."""
    return isinstance(thing, type) and issubclass(thing, Exception) and thing.__module__ == module


def test_every_error_is_public() -> None:
    """No exception of this app is missing from what may be imported."""
    own = {thing for thing in vars(exceptions).values() if isinstance(thing, type) and issubclass(thing, Exception)}
    assert own == set(ERRORS)


def test_errors_are_what_python_calls_them() -> None:
    """A write that cannot be recorded is a wrong call, a bad setting a wrong value."""
    assert issubclass(BypassesLog, TypeError)
    assert issubclass(InvalidSetting, ValueError)
    assert issubclass(InvalidArgument, ValueError)
    assert issubclass(UnknownContent, TypeError)


def test_a_lost_lease_says_of_what() -> None:
    """Its message names the broadcast."""
    assert "Broadcast 7 " in str(LeaseLost(7))
