"""A program that uses the JSON API, with a session of its own."""

from __future__ import annotations

import json
from typing import Any, Final

from django.core.cache import cache
from django.test import Client

__all__ = ["API", "Program"]

API: Final = "/notifications/api/"


class Program:
    """One session. A new one forgets how often anyone asked before."""

    def __init__(self, user: Any = None, *, token: str = "", enforce_csrf: bool = False) -> None:
        self.client = Client(enforce_csrf_checks=enforce_csrf)
        self.token = token
        if user is not None:
            self.client.force_login(user)
        cache.clear()

    def send(self, method: str, path: str, body: Any = None, **headers: str) -> Any:
        """Send a request, its body as JSON, or as it is where it is text."""
        content = body if isinstance(body, str) else json.dumps(body or {})
        if self.token:
            headers = {"Authorization": f"Bearer {self.token}", **headers}
        return self.client.generic(method, API + path, content, "application/json", headers=headers)

    def ask(self, method: str, path: str, body: Any = None) -> Any:
        """Return the JSON of an answer with status 200."""
        response = self.send(method, path, body)
        assert response.status_code == 200, response.content
        return self.json(response)

    def refused(self, method: str, path: str, body: Any = None, **headers: str) -> tuple[int, Any]:
        """Return the status and the error of an answer, which has the one shape of errors."""
        response = self.send(method, path, body, **headers)
        content = self.json(response)
        assert list(content) == ["error"], content
        error = content["error"]
        assert {"code", "message", "remedy"} <= set(error) <= {"code", "message", "field", "remedy", "refused"}
        assert all(isinstance(words, str) and words for name, words in error.items() if name != "refused")
        return response.status_code, error

    def json(self, response: Any) -> Any:
        """Return the content of an answer, which no cache may keep."""
        assert response["Content-Type"] == "application/json"
        assert response["Cache-Control"] == "no-store"
        return response.json()
