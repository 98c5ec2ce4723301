"""One client on one way to the site: whether it connects, is live, resumes, and is ended by a logout.

Receives an example program, a server or a proxy in front of one, and whether the program logs in or shows a token, whose
end is to be revoked. Guarantees that a cell of the matrix says "yes" for what was seen in this run, with a second user
beside whom nothing was told of.
"""

from __future__ import annotations

import asyncio
import json
import os
import re
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, Literal

from tests.support.processes import Process, find_program
from tests.support.proxy import Proxy
from tests.support.servers import Person, Site
from tests.support.shell import ROOT

__all__ = ["BROWSERS", "CLIENTS", "CLIENT_SETTINGS", "QUESTIONS", "Credential", "Trial", "Way", "attempt"]

EXAMPLES: Final = ROOT / "examples"
# What the matrix calls a client, and the program in `examples/` that is one.
CLIENTS: Final = {
    "requests": "python/follow_requests.py",
    "sseclient-py": "python/follow_sseclient.py",
    "httpx-sse": "python/follow_httpx_sse.py",
    "eventsource": "node/follow-eventsource.mjs",
    "event-source-polyfill": "node/follow-event-source-polyfill.mjs",
    "reconnecting-eventsource": "node/follow-reconnecting-eventsource.mjs",
    "@microsoft/fetch-event-source": "node/follow-fetch-event-source.mjs",
    "curl": "shell/follow_curl.sh",
    "websockets": "python/follow_websockets.py",
    "Chromium": "browser/follow.html",
    "Firefox": "browser/follow.html",
}
BROWSERS: Final = ("Chromium", "Firefox")  # they have no token: an EventSource sends no header of one's own
Credential = Literal["session", "token"]
QUESTIONS: Final = ("connects", "live", "resumes", "logout ends it")
CLIENT_SETTINGS: Final = {
    "NOTIFICATIONS_PING_SECONDS": 0.5,
    "NOTIFICATIONS_SWEEP_SECONDS": 0.2,
    "SECURE_PROXY_SSL_HEADER": ["HTTP_X_FORWARDED_PROTO", "https"],  # as each recipe's proxy says it
    "STATICFILES_DIRS": [str(ROOT / "static"), str(EXAMPLES / "browser")],
}
# By which the programs are told to believe a certificate: requests, httpx, Node, curl.
TRUST: Final = ("REQUESTS_CA_BUNDLE", "SSL_CERT_FILE", "NODE_EXTRA_CA_CERTS", "CURL_CA_BUNDLE")
WAIT_SECONDS: Final = 90.0  # a client waits up to 5 s before it comes back; eleven share the machine, browsers too
FRAME: Final = re.compile(r"^(hello|change|reset|ping|bye) (\S*) (\{.*\})$", re.MULTILINE)
MAKE_TOKEN: Final = """
from notifications import make_token
make_token(User.objects.get(pk=user), name="example", scopes=["read"])
"""
END: Final[dict[Credential, str]] = {
    "session": """
from django.contrib.sessions.models import Session
for session in Session.objects.all():
    if session.get_decoded().get("_auth_user_id") == str(user):
        session.delete()
""",
    "token": """
from notifications import revoke_tokens
from notifications.models import ApiToken
assert revoke_tokens(ApiToken.objects.filter(user=user)) == 1
""",
}


@dataclass(frozen=True, slots=True)
class Way:
    """A server, the proxy in front of it ("" for none), and where they listen; over TLS with this certificate."""

    server: str
    front: str
    port: int
    certificate: Path | None = None


@dataclass(frozen=True, slots=True)
class Trial:
    """What one client did on one way; `failure` is what went wrong with the first question that got no yes."""

    client: str
    server: str
    front: str
    credential: Credential = "session"
    answers: dict[str, bool] = field(default_factory=dict)
    failure: str = ""


async def attempt(client: str, way: Way, site: Site, credential: Credential = "session") -> Trial:
    """Run a client through all questions; those after the first that fails stay unanswered."""
    person, other = await asyncio.to_thread(people, site)
    answers: dict[str, bool] = {}
    failure = ""
    async with Proxy(way.port) as proxy:
        url = proxy.url.replace("http", "https") if way.certificate else proxy.url
        env = dict(os.environ) | (dict.fromkeys(TRUST, str(way.certificate)) if way.certificate else {})
        login = [person.username, person.password]
        if credential == "token":
            login, env["NOTIFICATIONS_TOKEN"] = [], await site.acall(MAKE_TOKEN, user=person.pk)
        with Process([*command_of(client), url, *login], name=client, env=env, cwd=ROOT) as process:
            run = Run(process, proxy, site, person, other, credential)
            for question, ask in zip(QUESTIONS, (run.connect, run.live, run.resume, run.end), strict=True):
                try:
                    await ask()
                except (AssertionError, OSError, json.JSONDecodeError) as error:
                    answers[question] = False
                    failure = f"{error}\n{process.tail}"
                    break
                answers[question] = True
    return Trial(client, way.server, way.front, credential, answers, failure)


def people(site: Site) -> tuple[Person, Person]:
    return site.add_person("client"), site.add_person("other")


def command_of(client: str) -> list[str]:
    """Return the words that start a client."""
    if client in BROWSERS:
        return [sys.executable, "-m", "tests.clients.browse", client]
    path = EXAMPLES / CLIENTS[client]
    program = {".py": sys.executable, ".mjs": find_program("node"), ".sh": find_program("bash")}[path.suffix]
    return [program, str(path)]


class Run:
    """A client that runs, behind a proxy that can cut it off."""

    def __init__(
        self, process: Process, proxy: Proxy, site: Site, person: Person, other: Person, credential: Credential
    ) -> None:
        self.process = process
        self.proxy = proxy
        self.site = site
        self.person = person
        self.other = other
        self.credential = credential

    async def connect(self) -> None:
        """It logs in and gets the state of its inbox."""
        await self._shows(r"^reset ")
        assert self._frames("hello")[0][1]["mode"] == "reset"

    async def live(self) -> None:
        """It is told what happens, with the position after it."""
        await self._notify("Live")
        await self._shows('^change .*"Live"')
        position, change = self._frames("change")[0]
        assert position.endswith(f".{change['modseq']}"), position

    async def resume(self) -> None:
        """After a break it gets what happened meanwhile, once, from where it was."""
        self.proxy.accepts = False
        self.proxy.cut()
        await self._notify("Away one", "Away two")
        self.proxy.accepts = True
        await self._shows('^change .*"Away two"')
        assert [hello["mode"] for _position, hello in self._frames("hello")] == ["reset", "resume"]
        titles = [row["title"] for _position, change in self._frames("change") for row in change["upsert"]]
        assert titles == ["Live", "Away one", "Away two"], titles
        assert len(self._frames("reset")) == 1

    async def end(self) -> None:
        """It is told that the session, or the token, is over, and ends."""
        await self.site.acall(END[self.credential], user=self.person.pk)
        await self._shows('^bye .*"auth"')
        assert await asyncio.to_thread(self.process.wait, seconds=WAIT_SECONDS) == 0
        assert "Not for you" not in self.process.log

    async def _notify(self, *titles: str) -> None:
        code = "[notify(other, title='Not for you').pk] + [notify(user, title=title).pk for title in titles]"
        await self.site.acall(code, user=self.person.pk, other=self.other.pk, titles=titles)

    async def _shows(self, pattern: str) -> None:
        wait = self.process.wait_for_line
        await asyncio.to_thread(wait, f"(?m){pattern}", seconds=WAIT_SECONDS)

    def _frames(self, event: str) -> list[tuple[str, Any]]:
        found = FRAME.findall(self.process.log)
        return [(position, json.loads(data)) for name, position, data in found if name == event]
