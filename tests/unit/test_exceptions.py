"""The app's own errors: one base to catch them all, and the builtin that a developer would expect."""

import pytest

from notifications import exceptions
from notifications.exceptions import BypassesLog, InvalidSetting, NotificationsError

PUBLIC = [vars(exceptions)[name] for name in exceptions.__all__]
ERRORS = [each for each in PUBLIC if issubclass(each, Exception)]  # the others are what an error holds


@pytest.mark.parametrize("error", ERRORS)
def test_every_error_is_of_one_family(error: type[Exception]) -> None:
    """Who catches `NotificationsError` catches whatever this app raises itself."""
    assert issubclass(error, NotificationsError)


def test_every_error_is_public() -> None:
    """No exception of this app is missing from what may be imported."""
    own = {thing for thing in vars(exceptions).values() if isinstance(thing, type) and issubclass(thing, Exception)}
    assert own == set(ERRORS)


def test_errors_are_what_python_calls_them() -> None:
    """A write that cannot be recorded is a wrong call, a bad setting a wrong value."""
    assert issubclass(BypassesLog, TypeError)
    assert issubclass(InvalidSetting, ValueError)
