"""Servers that a doctor does not wait for, and tokens that it leaves alone. What proxies do: `integration/`."""

from __future__ import annotations

import datetime as dt
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from http.client import IncompleteRead
from itertools import repeat
from typing import Any, Final

import pytest
from django.contrib.auth.models import User
from django.utils import timezone

from notifications.access.tokens import make_token
from notifications.management.doctor import address
from notifications.management.doctor.findings import Finding, well
from notifications.models.token import ApiToken

STREAM: Final = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\n"
PAGE: Final = b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n\r\n"

Serve = Callable[..., str]


@pytest.fixture
def serve() -> Iterator[Serve]:
    """A function that answers one request with these pieces, and returns its address. The connection stays open."""
    threads: list[threading.Thread] = []
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def answer(pieces: Iterator[bytes], *, stays: bool) -> None:
            connection, _peer = listener.accept()
            with connection, suppress(OSError):  # the doctor hangs up
                connection.recv(65_536)
                for piece in pieces:
                    connection.sendall(piece)
                while stays and connection.recv(65_536):
                    pass

        def start(*pieces: bytes, more: Iterator[bytes] | None = None, stays: bool = True) -> str:
            def all_pieces() -> Iterator[bytes]:
                yield from pieces
                yield from more or ()

            thread = threading.Thread(target=answer, args=(all_pieces(),), kwargs={"stays": stays}, daemon=True)
            thread.start()
            threads.append(thread)
            return f"http://127.0.0.1:{listener.getsockname()[1]}/notifications/stream/"

        yield start
        for thread in threads:
            thread.join(timeout=30)
            assert not thread.is_alive(), "the doctor did not hang up"


@pytest.fixture
def _in_a_hurry(monkeypatch: pytest.MonkeyPatch) -> None:
    """The doctor waits for less."""
    monkeypatch.setattr(address, "ANSWER_SECONDS", 2.0)


# --- Answers without an end


def drip() -> Iterator[bytes]:
    """Yield a comment so often that no single wait is long, for ever."""
    pause = threading.Event()
    while True:
        yield b": ping\n\n"
        pause.wait(0.1)


def test_an_event_stream_is_an_answer(serve: Serve) -> None:
    """What comes first of it is shown, and nobody waits for its end.

    Regression: each wait had a limit and all of them together had none, so the doctor never came back.
    """
    url = serve(STREAM + b"event: greeting\ndata: {}\n\n", more=drip())
    (finding,) = address.look_at_server(url)
    assert (finding.code, finding.state.value) == ("stream.unrouted", "broken")
    assert "200 'event: greeting" in finding.message


@pytest.mark.usefixtures("_in_a_hurry")
def test_an_event_stream_that_says_nothing_is_an_answer(serve: Serve) -> None:
    """It is open."""
    answer = address.ask(serve(STREAM))
    assert (answer.status, answer.kind, answer.body) == (200, "text/event-stream", b"")


@pytest.mark.usefixtures("_in_a_hurry")
def test_an_answer_has_a_deadline(serve: Serve) -> None:
    """For all of it, and not for each piece."""
    with pytest.raises(TimeoutError):
        address.ask(serve(PAGE, more=drip()))


def test_of_a_long_answer_the_beginning_is_read(serve: Serve) -> None:
    """However fast the rest would come."""
    answer = address.ask(serve(PAGE, more=repeat(b"x" * 10_000)))
    assert address.ANSWER_BYTES <= len(answer.body) < 2 * address.ANSWER_BYTES


def test_an_answer_that_is_cut_short_is_none(serve: Serve) -> None:
    """A server that dies in the middle has not answered."""
    url = serve(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf", stays=False)
    with pytest.raises(IncompleteRead):
        address.ask(url)


def test_a_whole_answer_is_not_waited_for(serve: Serve) -> None:
    """Its length says where it ends, also where the connection goes on."""
    answer = address.ask(serve(b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\n", b"full"))
    assert answer.shown == "200 'full'"


# --- Tokens


@pytest.fixture
def followed(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The tokens with which a stream would have been opened."""
    texts: list[str] = []

    def follow(_url: str, token: str) -> Iterator[Finding]:
        texts.append(token)
        yield well("stream", "A stream opens.")

    monkeypatch.setattr(address, "follow", follow)
    return texts


HERE: Final = "http://127.0.0.1:8000/notifications/stream/"


@pytest.mark.django_db
def test_another_doctors_token_is_left_alone(user: User, other_user: User, followed: list[str]) -> None:
    """Two that look for one user at a time do not spoil each other's stream.

    Regression: each deleted every token of that user and name, a person's own among them.
    """
    first = address.look_at_stream(HERE, user)
    next(first)
    assert [finding.code for finding in address.look_at_stream(HERE, user)] == ["stream"]
    assert [token.prefix in followed[0] for token in ApiToken.objects.filter(revoked_at=None)] == [True]
    assert list(first) == []
    assert not ApiToken.objects.exists()


@pytest.mark.django_db
def test_what_a_killed_doctor_left_is_deleted(user: User, other_user: User, followed: list[str]) -> None:
    """And nobody else's, expired or not."""
    ago: dict[str, Any] = {"expires_at": timezone.now() - dt.timedelta(hours=1)}
    make_token(user, name=address.TOKEN_NAME, scopes=["read"], **ago)
    make_token(user, name=address.TOKEN_NAME, scopes=["read"], by=user, **ago)
    make_token(user, name=address.TOKEN_NAME, scopes=["read"], expires_at=None)
    make_token(user, name="mine", scopes=["read"], **ago)
    make_token(other_user, name=address.TOKEN_NAME, scopes=["read"], **ago)
    left, *others = ApiToken.objects.order_by("pk")
    list(address.look_at_stream(HERE, user))
    assert list(ApiToken.objects.order_by("pk")) == others
    assert left.made_by is None


@pytest.mark.django_db
def test_no_token_travels_in_clear_text(user: User, followed: list[str]) -> None:
    """Over http:// it goes to this machine alone; none is even made."""
    (finding,) = address.look_at_stream("http://example.com/notifications/stream/", user)
    assert (finding.code, finding.state.value) == ("stream.plain", "risky")
    assert "https://" in finding.remedy
    assert (followed, ApiToken.objects.count()) == ([], 0)
    for url in ("https://example.com/", "http://localhost:8000/", "http://[::1]:8000/", HERE):
        assert [finding.code for finding in address.look_at_stream(url, user)] == ["stream"]
    assert len(followed) == 4
