"""What Django's error reports show of a site's settings: no key and no password in an address.

    DEFAULT_EXCEPTION_REPORTER_FILTER = "notifications.operations.error_reports.SecretsFilter"

Django hides settings by their names. The key of a GRIP proxy and the password of Redis stand in addresses, under names that
hide nothing (`NOTIFICATIONS_GRIP_URL`, `CHANNEL_LAYERS`, `CACHES`):

    http://127.0.0.1:5561?key=secret   →   http://127.0.0.1:5561?key=********************
    redis://:secret@10.1.0.4:6379/0    →   redis://********************@10.1.0.4:6379/0
"""

from __future__ import annotations

import re
from types import FrameType
from typing import Any, Final

from django.http import HttpRequest
from django.views.debug import SafeExceptionReporterFilter

__all__ = ["SecretsFilter", "hide"]

MASK: Final = SafeExceptionReporterFilter.cleansed_substitute
USERINFO: Final = re.compile(r"(?<=://)[^/?#@\s]+(?=@)")
PARAMETER: Final = re.compile(r"(?<=[?&])([a-z_-]*(?:key|pass|password|secret|token)=)[^&#\s]+", re.IGNORECASE)


class SecretsFilter(SafeExceptionReporterFilter):
    """Django's own filter, which hides secrets within addresses as well: in settings, in the request, in variables."""

    def cleanse_setting(self, key: str | int, value: Any) -> Any:
        """Hide what Django hides, and secrets in addresses."""
        return hide(super().cleanse_setting(key, value))

    def get_traceback_frame_variables(self, request: HttpRequest | None, tb_frame: FrameType) -> Any:
        """Hide secrets in addresses that a function held when it failed."""
        return [(name, hide(value)) for name, value in super().get_traceback_frame_variables(request, tb_frame)]


def hide(value: Any) -> Any:
    """Return a value without the secrets in its addresses, also within lists and dictionaries; others as they are."""
    if type(value) is str:
        return PARAMETER.sub(rf"\1{MASK}", USERINFO.sub(MASK, value))
    if type(value) is dict:
        return {key: hide(each) for key, each in value.items()}
    if type(value) in (list, tuple):
        return type(value)(map(hide, value))
    return value
