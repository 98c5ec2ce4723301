"""The edge: its address, its signature, tickets for what is held, and a publisher that holds nobody up."""

from __future__ import annotations

import json
import re
import socket
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from importlib.util import find_spec
from types import SimpleNamespace
from typing import Any

import jwt
import pytest
from django.contrib.auth.models import User
from django.contrib.auth.signals import user_logged_out
from django.core.checks import run_checks
from django.test import Client, RequestFactory, override_settings
from django.views.debug import ExceptionReporter
from hypothesis import given, strategies as st

from notifications import InvalidSetting, notify
from notifications.access.auth import SessionOrToken
from notifications.access.headers import read_headers
from notifications.access.tokens import Bearer
from notifications.checks import TAG
from notifications.integrations import pushpin
from notifications.integrations.pushpin.publisher import Publisher, build_change_item, publisher
from notifications.integrations.pushpin.signatures import is_signed, sign_web_token
from notifications.integrations.pushpin.tickets import make_ticket, read_ticket
from notifications.log.doorbell import Change
from notifications.protocol.position import Position

KEY = "a-secret-of-thirty-two-letters-or-more"
URL = f"http://127.0.0.1:5561?key={KEY}"


@pytest.mark.parametrize("url", ["127.0.0.1:5561", "http://127.0.0.1:5561", "ftp://x?key=y", "http://?key=x"])
def test_an_address_without_a_key_is_refused(url: str) -> None:
    """The error says what is missing and where the key stands, without showing one."""
    with (
        override_settings(NOTIFICATIONS_GRIP_URL=url),
        pytest.raises(InvalidSetting, match=r"sig_key of pushpin\.conf"),
    ):
        pushpin.get_edge()


def test_an_address_is_read_as_grip_libraries_write_it() -> None:
    """Keys may be base64, and the proxy's signature may have a key and an issuer of its own."""
    with override_settings(
        NOTIFICATIONS_GRIP_URL="https://a.example/x/?iss=me&key=base64:c2Vj+w==&verify-key=v&verify-iss=p"
    ):
        proxy = pushpin.get_edge()
    assert proxy == pushpin.Edge("https://a.example/x", b"sec\xfb", "me", b"v", "p")
    with override_settings(NOTIFICATIONS_GRIP_URL=""):
        assert pushpin.get_edge() is None


@pytest.mark.parametrize("issuer", ["", "&iss=mysite", "&iss=pushpin&verify-iss=pushpin"])
def test_what_we_publish_with_does_not_pass_for_the_proxy(issuer: str) -> None:
    """One key for both directions: a token of ours that somebody saw on its way opened streams as the proxy would."""
    proxy = pushpin.parse_url(URL + issuer)
    token = sign_web_token(proxy)
    assert not is_signed(read_headers([(b"grip-sig", token.encode())]), proxy)
    claims = jwt.decode(token, KEY, algorithms=["HS256"])
    assert (claims["iss"], "aud" in claims) == (proxy.issuer, False)


def test_the_keys_of_a_proxy_are_not_shown() -> None:
    """Neither where it is printed nor in the report of an error in reading its address."""
    assert KEY not in repr(pushpin.parse_url(URL))
    try:
        pushpin.parse_url(f"ftp://127.0.0.1:5561?key={KEY}")
    except InvalidSetting:
        report = ExceptionReporter(RequestFactory().get("/"), *sys.exc_info())
        assert KEY not in report.get_traceback_text()


@pytest.mark.parametrize(
    ("claims", "key", "algorithm", "is_ours"),
    [
        ({"iss": "pushpin", "exp": 1}, KEY, "HS256", True),
        ({"iss": "pushpin", "exp": 1}, "another", "HS256", False),
        ({"iss": "pushpin", "exp": -10}, KEY, "HS256", False),
        ({"iss": "pushpin"}, KEY, "HS256", False),
        ({"iss": "pushpin", "exp": 1}, KEY, "HS512", False),
    ],
)
@pytest.mark.filterwarnings("ignore::jwt.warnings.InsecureKeyLengthWarning")  # a short key is easier to read here
def test_a_signature_is_checked(claims: dict[str, Any], key: str, algorithm: str, is_ours: bool) -> None:
    """Only a web token of the proxy's key that has not expired counts, as another library makes it."""
    proxy = pushpin.parse_url(URL)
    if "exp" in claims:
        claims = {**claims, "exp": int(time.time()) + 60 * claims["exp"]}
    token = jwt.encode(claims, key, algorithm=algorithm)
    assert is_signed(read_headers([(b"grip-sig", token.encode())]), proxy) is is_ours
    unsigned = jwt.encode(claims, "", algorithm="none")
    assert not is_signed(read_headers([(b"grip-sig", unsigned.encode())]), proxy)


@given(st.binary())
def test_what_is_no_signature_is_none(text: bytes) -> None:
    """Whatever stands in the header, it is no error."""
    assert not is_signed(read_headers([(b"grip-sig", text)]), pushpin.parse_url(URL))


def test_what_we_publish_is_signed() -> None:
    """Another library reads our web token with the key."""
    proxy = pushpin.parse_url(f"{URL}&iss=me")
    assert jwt.decode(sign_web_token(proxy), KEY, algorithms=["HS256"])["iss"] == "me"


BEARER = Bearer("0123456789ab", "d" * 64)


@given(st.text(st.characters(codec="ascii"), min_size=1, max_size=200))
def test_a_ticket_holds_a_login_and_hides_it(session_key: str) -> None:
    """User and credential come back from a ticket, no two are alike, and an altered one is none."""
    ticket = make_ticket(7, session_key)
    assert read_ticket(ticket) == ("7", session_key)
    assert make_ticket(7, session_key) != ticket
    assert read_ticket(ticket[:20] + ("B" if ticket[20] == "A" else "A") + ticket[21:]) is None
    if len(session_key) > 8:
        assert session_key not in ticket
    assert re.fullmatch(r"[\w-]+", ticket, re.ASCII)  # in a header, where `=`, `;` and `,` mean something


def test_a_ticket_of_a_token_is_one_of_a_token() -> None:
    """A session's key, which a client chooses, can never pass for a token."""
    assert read_ticket(make_ticket("a-uuid", BEARER)) == ("a-uuid", BEARER)


@given(st.text(max_size=300))
def test_what_is_no_ticket_is_none(text: str) -> None:
    """Whatever stands there, it is no error."""
    assert read_ticket(text) is None


def test_an_old_ticket_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    """A ticket is good until the proxy must have asked, and no longer."""
    ticket, now = make_ticket(7, "x"), time.time()
    for later, expected in ((719, ("7", "x")), (722, None)):
        monkeypatch.setattr("time.time", lambda later=later: now + later)
        assert read_ticket(ticket) == expected


def test_a_new_secret_key_keeps_tickets_while_the_old_one_is_a_fallback() -> None:
    """After a rotation connections go on, and a logout still finds those held under the old key; later neither."""
    with override_settings(SECRET_KEY="the old one"):
        ticket, [channel] = make_ticket(7, "x"), pushpin.name_session_channels("x")
    with override_settings(SECRET_KEY="the new one", SECRET_KEY_FALLBACKS=["the old one"]):
        assert read_ticket(ticket) == ("7", "x")
        assert pushpin.name_session_channels("x")[1:] == [channel]
    with override_settings(SECRET_KEY="the new one"):
        assert read_ticket(ticket) is None


def link_of(user_id: int, credential: SessionOrToken, path: str = "/app/stream/") -> str:
    """Return the next link of a connection."""
    headers = dict(pushpin.build_hold(user_id, credential, make_ticket(user_id, credential), Position(1, 2), path))
    return headers[b"grip-link"].decode()


def test_every_connection_has_the_same_link() -> None:
    """The proxy asks ten links a second, each for a hundred connections; and nobody can read a login from one."""
    links = {link_of(user_id, key).partition(";")[0] for user_id, key in ((1, "a"), (2, "b"), (2, BEARER))}
    assert links == {"<./>"}
    assert link_of(1, "a", "/app/live feed").startswith(
        "<live%20feed>;"
    )  # also below a prefix that the proxy does not see


def test_a_token_is_asked_about_with_each_ping() -> None:
    """Nobody tells the proxy that one was revoked; a session's user has a time of their own, a little early."""
    assert link_of(1, BEARER).endswith("timeout=15")
    seconds = {int(link_of(user_id, "key").rpartition("=")[2]) for user_id in range(200)}
    assert seconds == set(range(96, 121))
    assert link_of(7, "key") == link_of(7, "another")


def test_last_ids_are_found_by_channel() -> None:
    """The proxy names each channel with its last id, in one header or in several."""
    headers = [(b"grip-last", b"x; last-id=1.1, y; last-id=5.42"), (b"other", b"y"), (b"grip-last", b"z;last-id=3")]
    assert pushpin.read_last_ids(read_headers(headers)) == {"x": "1.1", "y": "5.42", "z": "3"}
    assert pushpin.read_last_ids(read_headers([(b"cookie", b"z; last-id=3")])) == {}


def test_a_change_without_content_is_a_hint_without_an_id() -> None:
    """With an id the proxy would count it as passed on, and never ask."""
    assert build_change_item(Change("7", 5, 41, 42, None)) == {
        "channel": "notifications-user-7",
        "formats": {"http-stream": {"action": "hint"}},
    }
    item = build_change_item(Change("7", 5, 41, 42, "{}"))
    assert (item["id"], item["prev-id"]) == ("5.42", "5.41")
    assert item["formats"]["http-stream"]["content"] == "event: change\nid: 5.42\ndata: {}\n\n"


def test_no_request_is_longer_than_the_proxy_takes() -> None:
    """What is long in bytes although not in letters goes alone, and what is too long is a hint; the rest is not lost."""
    publisher, data = Publisher(), "ü" * 200_000
    with override_settings(NOTIFICATIONS_GRIP_URL=URL):
        publisher._thread = threading.current_thread()  # nobody sends
        publisher.put(build_change_item(Change("7", 5, number, number + 1, data)) for number in range(2))
        publisher.put(
            [build_change_item(Change("7", 5, 2, 3, data * 2)), build_change_item(Change("7", 5, 3, 4, "{}"))]
        )
    batches = [[json.loads(text) for text in publisher._take()] for _ in range(3)]
    assert [item.get("id") for batch in batches for item in batch] == ["5.1", "5.2", None, "5.4"]
    assert [len(batch) for batch in batches] == [1, 3, 0]
    assert batches[1][1]["formats"] == {"http-stream": {"action": "hint"}}


@pytest.fixture
def published(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[dict[str, Any]]]:
    """Take what the proxy would be told."""
    items: list[dict[str, Any]] = []
    monkeypatch.setattr(publisher, "put", items.extend)
    with override_settings(NOTIFICATIONS_GRIP_URL=URL):
        yield items


def test_the_proxy_asks_about_who_was_changed(
    user: User, published: list[dict[str, Any]], django_capture_on_commit_callbacks: Any
) -> None:
    """Somebody deactivated, with a new password, or deleted is asked about after the commit; a login is no change."""
    with django_capture_on_commit_callbacks(execute=True):
        user.save(update_fields=["last_login"])
    assert not published
    hint = {"channel": f"notifications-user-{user.pk}", "formats": {"http-stream": {"action": "hint"}}}
    with django_capture_on_commit_callbacks(execute=True):
        user.is_active = False
        user.save()
        assert not published
    assert published == [hint]
    with django_capture_on_commit_callbacks(execute=True):
        user.delete()
    assert published[-1] == hint


def test_a_logout_is_told_for_each_secret_key(client: Client, user: User, published: list[dict[str, Any]]) -> None:
    """The goodbye and the end go to the session's channel, and to the one it had under an older key."""
    client.force_login(user)
    key = client.session.session_key
    assert key is not None
    with override_settings(SECRET_KEY_FALLBACKS=["the old one"]):
        channels = pushpin.name_session_channels(key)
        user_logged_out.send(User, request=SimpleNamespace(session=client.session), user=user)
    assert [item["channel"] for item in published] == [channel for channel in channels for _ in range(2)]
    assert published[1]["formats"] == {"http-stream": {"action": "close"}}


@contextmanager
def proxy_that_hangs() -> Iterator[str]:
    """Listen, take connections, and never answer."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}?key={KEY}"


@pytest.mark.django_db(transaction=True)
def test_a_proxy_that_hangs_delays_no_write(user: User) -> None:
    """A write takes no longer because the edge does not answer; what waits for it is bounded."""
    with (
        proxy_that_hangs() as url,
        override_settings(
            NOTIFICATIONS_GRIP_URL=url, NOTIFICATIONS_DOORBELL_BACKLOG=5, NOTIFICATIONS_DOORBELL_TIMEOUT_SECONDS=0.2
        ),
    ):
        before = time.monotonic()
        for number in range(20):
            notify(user, title=str(number))
        took_seconds = time.monotonic() - before
        publisher = Publisher()
        publisher.put(build_change_item(Change("7", 5, number, number + 1, "{}")) for number in range(20))
        assert publisher.dropped >= 14  # five wait, and one batch may be on its way
        assert publisher.flush(seconds=10.0)
        assert publisher.sent == 0
        assert publisher.dropped == 20
    assert took_seconds < 5.0


def test_items_go_out_in_order_and_over_a_new_line_when_the_old_is_closed() -> None:
    """Everything arrives, in the order of its coming, also where the proxy closes the line after each answer."""
    seen: list[str] = []

    class Proxy(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            seen.extend(item["id"] for item in body["items"])
            self.send_response(200)
            self.send_header("Content-Length", "0")
            self.end_headers()
            self.close_connection = True  # without saying so

        def log_message(self, *_: Any) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Proxy) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        with override_settings(NOTIFICATIONS_GRIP_URL=f"http://127.0.0.1:{server.server_port}?key={KEY}"):
            publisher = Publisher()
            for start in range(0, 300, 100):
                changes = [Change("7", 5, number, number + 1, "{}") for number in range(start, start + 100)]
                publisher.put(map(build_change_item, changes))
                assert publisher.flush(seconds=10.0)
        server.shutdown()
    assert seen == [f"5.{number}" for number in range(1, 301)]
    assert publisher.sent == 300


@pytest.mark.parametrize(
    ("url", "missing", "found"),
    [
        ("", ["jwt", "cryptography"], []),
        (URL, [], []),
        (URL, ["jwt", "cryptography"], ["notifications.E021"]),
        ("http://127.0.0.1:5561", [], ["notifications.E022"]),
        ("http://127.0.0.1:5561?key=base64:x", [], ["notifications.E022"]),
        ("http://127.0.0.1:5561?key=changeme", [], ["notifications.W016"]),
        (f"{URL}&verify-key=changeme", [], ["notifications.W016"]),
    ],
)
def test_check_says_what_is_wrong_with_the_edge(
    monkeypatch: pytest.MonkeyPatch, url: str, missing: list[str], found: list[str]
) -> None:
    """A library that is not there, an address without a key, a key that can be guessed; without an edge nothing."""
    monkeypatch.setattr(
        "notifications.checks.site.find_spec", lambda name: None if name in missing else find_spec(name)
    )
    with override_settings(NOTIFICATIONS_GRIP_URL=url):
        assert [each.id for each in run_checks(tags=[TAG]) if "GRIP" in each.msg] == found
