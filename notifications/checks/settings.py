"""System checks of the `NOTIFICATIONS_*` settings: types, names, and times that do not fit together."""

from __future__ import annotations

from collections.abc import Iterator
from difflib import get_close_matches
from typing import Any, Final

from django.conf import settings as django_settings
from django.core.checks import CheckMessage, Error, Warning as Risk

from ..conf import Settings, settings
from ..exceptions import InvalidSetting

__all__ = ["check_names", "check_times", "check_values", "read_valid"]

PREFIX: Final = "NOTIFICATIONS_"
# After so much silence the client takes its line for dead and opens another (frontend/connection/connection.js).
CLIENT_SILENCE_SECONDS: Final = 45.0
# What the documentation promises for changes that another process makes without Redis.
PROMISED_SECONDS: Final = 5.0
DEFAULT_GROUP_EXPIRY: Final = 86_400  # of every layer that comes with Channels and channels-redis


def read_valid(name: str) -> Any:
    """Return a setting's value, or None where it is invalid, which `check_values` reports."""
    try:
        return getattr(settings, name)
    except InvalidSetting:
        return None


def check_values(**_: Any) -> Iterator[CheckMessage]:
    """Find values of the wrong type or out of range."""
    for setting in settings:
        try:
            setting.__get__(settings, Settings)
        except InvalidSetting as error:
            yield Error(str(error), id="notifications.E008")


def check_names(**_: Any) -> Iterator[CheckMessage]:
    """Find settings that nobody reads, as after a slip of the finger."""
    known = [setting.name for setting in settings]
    for name in sorted(set(dir(django_settings)) - set(known)):
        if name.startswith(PREFIX):
            near = get_close_matches(name.removeprefix(PREFIX), [each.removeprefix(PREFIX) for each in known], n=1)
            yield Risk(
                f"There is no setting {name}; it has no effect.",
                hint=f"Did you mean {PREFIX}{near[0]}?" if near else f"The settings are {', '.join(known)}.",
                id="notifications.W009",
            )


def check_times(**_: Any) -> Iterator[CheckMessage]:
    """Find times that make streams unreliable or slow although each alone is valid."""
    ping, sweep, rotate, rejoin = map(read_valid, ("ping_seconds", "sweep_seconds", "rotate_seconds", "rejoin_seconds"))
    if ping is not None and ping >= CLIENT_SILENCE_SECONDS:
        yield Risk(
            f"NOTIFICATIONS_PING_SECONDS = {ping!r}: clients give up after {CLIENT_SILENCE_SECONDS:g} s of silence, so "
            "a quiet stream is cut and opened again all the time.",
            hint="Set it to 15, or to anything well below 45.",
            id="notifications.W010",
        )
    if sweep is not None and sweep > PROMISED_SECONDS:
        yield Risk(
            f"NOTIFICATIONS_SWEEP_SECONDS = {sweep!r}: what no doorbell told (a lost message, another process without "
            f"Redis) shows up to {sweep:g} s late; {PROMISED_SECONDS:g} s are promised.",
            hint="Set it to 3, or to anything up to 5; a sweep is one query.",
            id="notifications.W011",
        )
    if rotate is not None and ping is not None and rotate < ping:
        yield Risk(
            f"NOTIFICATIONS_ROTATE_SECONDS = {rotate!r} is shorter than NOTIFICATIONS_PING_SECONDS = {ping!r}: streams "
            "are renewed before their first ping, each time with a request and its queries.",
            hint="Set it to 600, or to many times the ping.",
            id="notifications.W012",
        )
    expiry = group_expiry()
    if rejoin is not None and rejoin >= expiry:
        yield Risk(
            f"NOTIFICATIONS_REJOIN_SECONDS = {rejoin!r} is not below the channel layer's group_expiry = {expiry!r}: the "
            "layer forgets the hub before it joins again, and changes wait for the sweeper.",
            hint="Set it to 20, or to a fraction of group_expiry.",
            id="notifications.W013",
        )


def group_expiry() -> float:
    """Return after how many seconds the channel layer forgets a member of a group."""
    layer = getattr(django_settings, "CHANNEL_LAYERS", {}).get(read_valid("channel_layer")) or {}
    expiry = layer.get("CONFIG", {}).get("group_expiry", DEFAULT_GROUP_EXPIRY)
    return expiry if isinstance(expiry, int | float) else DEFAULT_GROUP_EXPIRY
