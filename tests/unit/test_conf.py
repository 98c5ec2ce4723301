"""The settings: read at every access, typed, and refused with the value, the wanted form and the remedy."""

from __future__ import annotations

from typing import Any

import pytest
from django.conf import settings as django_settings
from django.test import override_settings
from pytest_django import Settings as DjangoSettings

from notifications import InvalidSetting
from notifications.conf import Settings, settings

NAMES = [setting.name for setting in settings]


def fits(value: Any, default: Any) -> bool:
    """Return whether a value is of a setting's type: a whole number does for a float, and True for no number."""
    return (
        isinstance(value, int)
        and isinstance(value, bool) == isinstance(default, bool)
        and isinstance(default, int | float)
    )


VALUES: list[Any] = [None, True, 1, {}, b"x"]
MISFITS = [(setting.name, value) for setting in settings for value in VALUES if not fits(value, setting.default)]


def attribute(name: str) -> str:
    """Return the name under which the app reads a setting."""
    return name.removeprefix("NOTIFICATIONS_").lower()


@pytest.mark.parametrize("name", NAMES)
def test_a_setting_that_is_not_set_has_its_default(name: str) -> None:
    """A host project needs to set nothing; every default is one that would be accepted."""
    default = next(setting.default for setting in settings if setting.name == name)
    with override_settings():
        if hasattr(django_settings, name):
            delattr(django_settings, name)
        assert getattr(settings, attribute(name)) == default


@pytest.mark.parametrize("name", NAMES)
def test_a_setting_is_read_at_each_access(name: str, settings: DjangoSettings) -> None:
    """`override_settings` takes effect at once and ends with its block."""
    reader: Any = Settings()
    before = getattr(reader, attribute(name))
    after: Any = f"{before}x" if isinstance(before, str) else before * 2
    if isinstance(before, bool):
        after = not before
    with override_settings(**{name: after}):
        assert getattr(reader, attribute(name)) == after
    assert getattr(reader, attribute(name)) == before


@pytest.mark.parametrize(("name", "value"), MISFITS)
def test_a_value_of_another_type_is_refused(name: str, value: Any) -> None:
    """The error names the setting, the value and one that would do. True is no number, and 1 no switch."""
    with (
        override_settings(**{name: value}),
        pytest.raises(
            InvalidSetting, match=rf"{name} = .* is a {type(value).__name__}; set a .* such as .*leave it out"
        ),
    ):
        getattr(settings, attribute(name))


@pytest.mark.parametrize("name", [setting.name for setting in settings if setting.least is not None])
def test_a_value_that_is_too_small_is_refused(name: str) -> None:
    """The error names the lowest value that makes sense, and that one is accepted."""
    least = next(setting.least for setting in settings if setting.name == name)
    with override_settings(**{name: least}):
        assert getattr(settings, attribute(name)) == least
    too_small = least - 1
    with override_settings(**{name: too_small}), pytest.raises(InvalidSetting, match=f"set at least {least}"):
        getattr(settings, attribute(name))


def test_whole_seconds_may_be_written_as_integers() -> None:
    """`NOTIFICATIONS_PING_SECONDS = 15` means what it says."""
    with override_settings(NOTIFICATIONS_PING_SECONDS=20):
        assert settings.ping_seconds == 20


def test_a_number_that_is_none_is_refused() -> None:
    """NaN is below no bound and would make every comparison false."""
    with override_settings(NOTIFICATIONS_SWEEP_SECONDS=float("nan")), pytest.raises(InvalidSetting, match="nan"):
        _ = settings.sweep_seconds


def test_times_and_sizes_carry_their_unit() -> None:
    """A float is a time in seconds, and its name says so."""
    for setting in settings:
        assert isinstance(setting.default, float) == setting.name.endswith("_SECONDS"), setting.name
