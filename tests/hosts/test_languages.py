"""A host project whose addresses begin with the language: `i18n_patterns` and `LocaleMiddleware`."""

from __future__ import annotations

import asyncio
import re
from typing import Final

import httpx

from tests.support.client import Client
from tests.support.host import Host

URLS: Final = """
from django.conf.urls.i18n import i18n_patterns

urlpatterns = i18n_patterns(*urlpatterns, prefix_default_language=False)
"""
SETTINGS: Final = """
place = MIDDLEWARE.index("django.contrib.sessions.middleware.SessionMiddleware") + 1
MIDDLEWARE.insert(place, "django.middleware.locale.LocaleMiddleware")
"""
STREAM: Final = re.compile(r'<notification-bell\s[^>]*data-stream-url="([^"]+)"')


async def test_the_stream_is_live_in_each_language(host: Host) -> None:
    """Each page leads to the stream in its own language, and there it is.

    Regression: the stream's address was that of the default language alone; below /de/ it was 503 for ever.
    """
    host.append("mysite/urls.py", URLS)
    host.append("mysite/settings.py", SETTINGS)
    host.manage("check", "--fail-level", "WARNING")
    session = host.people["user1"][1]
    with host.runserver() as (process, url):
        for language in ("", "/de", "/zh-hans"):
            async with httpx.AsyncClient(base_url=url, trust_env=False, cookies={"sessionid": session}) as http:
                page = (await http.get(f"{language}/")).text
            match = STREAM.search(page)
            assert match, page
            assert match[1] == f"{language}/notifications/stream/"
            async with Client(url, f"sessionid={session}", path=match[1]) as client:
                await client.next("hello")
                await asyncio.to_thread(host.notify, "user1", f"In {language or '/en'}")
                await client.knows(f"In {language or '/en'}")
        assert "Traceback" not in process.log
