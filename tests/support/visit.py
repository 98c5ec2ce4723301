"""A visitor without a browser: a cookie jar that goes through the site's real forms."""

from __future__ import annotations

import re
from types import TracebackType
from typing import Any, Final, Self

import httpx

from .servers import Person

__all__ = ["Visit"]

TOKEN: Final = re.compile(r'name="csrfmiddlewaretoken" value="([^"]+)"')
TIMEOUT_SECONDS: Final = 20.0


class Visit:
    """One visitor of one server. Use it in `async with`."""

    def __init__(self, url: str) -> None:
        # trust_env: a proxy of this machine has no business on the loopback
        self.http = httpx.AsyncClient(base_url=url, timeout=TIMEOUT_SECONDS, trust_env=False)
        self.url = url

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.http.aclose()

    @property
    def cookie(self) -> str:
        """The `Cookie` header that this visitor sends."""
        return "; ".join(f"{name}={value}" for name, value in self.http.cookies.items())

    async def login(self, person: Person, *, path: str = "/accounts/login/") -> None:
        """Log in through the form."""
        response = await self.submit(path, username=person.username, password=person.password)
        assert response.status_code == 302, response.text
        assert "sessionid" in self.http.cookies

    async def logout(self) -> None:
        """Log out with the button on the home page."""
        response = await self.submit("/accounts/logout/", page="/")
        assert response.status_code == 302, response.text

    async def submit(self, path: str, *, page: str | None = None, **fields: Any) -> httpx.Response:
        """Post a form with the token of the page that holds it (`path` itself if not said otherwise)."""
        shown = await self.http.get(page or path)
        match = TOKEN.search(shown.text)
        assert match, f"{page or path} holds no form: {shown.status_code} {shown.text[:500]}"
        return await self.http.post(path, data={"csrfmiddlewaretoken": match[1], **fields})

    async def do(self, path: str, **fields: Any) -> dict[str, Any]:
        """Post as the page's script does; return the JSON of the answer."""
        headers = {"Accept": "application/json", "X-CSRFToken": self.http.cookies["csrftoken"]}
        response = await self.http.post(path, data=fields, headers=headers)
        assert response.status_code == 200, response.text
        answer: dict[str, Any] = response.json()
        return answer
