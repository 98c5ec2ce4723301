"""The edge: its address, its signature, tokens for next links, and a publisher that holds nobody up."""

from __future__ import annotations

import json
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import jwt
import pytest
from django.contrib.auth.models import User
from django.test import override_settings
from hypothesis import given, strategies as st

from notifications import edge
from notifications.doorbell import Change
from notifications.edge.publishing import Publisher, item_of
from notifications.exceptions import InvalidSetting
from notifications.log.tail import Position
from notifications.publish import notify

URL = "http://127.0.0.1:5561?key=secret"


@pytest.mark.parametrize("url", ["127.0.0.1:5561", "http://127.0.0.1:5561", "ftp://x?key=y", "http://?key=x"])
def test_an_address_without_a_key_is_refused(url: str) -> None:
    """The error says what is missing and where the key stands, without showing one."""
    with (
        override_settings(NOTIFICATIONS_GRIP_URL=url),
        pytest.raises(InvalidSetting, match=r"sig_key of pushpin\.conf"),
    ):
        edge.edge()


def test_an_address_is_read_as_grip_libraries_write_it() -> None:
    """Keys may be base64, and the proxy's signature may have a key and an issuer of its own."""
    with override_settings(
        NOTIFICATIONS_GRIP_URL="https://a.example/x/?iss=me&key=base64:c2Vj+w==&verify-key=v&verify-iss=p"
    ):
        proxy = edge.edge()
    assert proxy == edge.Edge("https://a.example/x", b"sec\xfb", "me", b"v", "p")
    with override_settings(NOTIFICATIONS_GRIP_URL=""):
        assert edge.edge() is None


@pytest.mark.parametrize(
    ("claims", "key", "algorithm", "is_ours"),
    [
        ({"iss": "pushpin", "exp": 1}, "secret", "HS256", True),
        ({"iss": "pushpin", "exp": 1}, "another", "HS256", False),
        ({"iss": "pushpin", "exp": -10}, "secret", "HS256", False),
        ({"iss": "pushpin"}, "secret", "HS256", False),
        ({"iss": "pushpin", "exp": 1}, "secret", "HS512", False),
    ],
)
@pytest.mark.filterwarnings("ignore::jwt.warnings.InsecureKeyLengthWarning")  # a short key is easier to read here
def test_a_signature_is_checked(claims: dict[str, Any], key: str, algorithm: str, is_ours: bool) -> None:
    """Only a web token of the proxy's key that has not expired counts, as another library makes it."""
    proxy = edge.parse_url(URL)
    if "exp" in claims:
        claims = {**claims, "exp": int(time.time()) + 60 * claims["exp"]}
    token = jwt.encode(claims, key, algorithm=algorithm)
    assert edge.is_signed([(b"grip-sig", token.encode())], proxy) is is_ours
    unsigned = jwt.encode(claims, "", algorithm="none")
    assert not edge.is_signed([(b"grip-sig", unsigned.encode())], proxy)


@given(st.binary())
def test_what_is_no_signature_is_none(text: bytes) -> None:
    """Whatever stands in the header, it is no error."""
    assert not edge.is_signed([(b"grip-sig", text)], edge.parse_url(URL))


@pytest.mark.filterwarnings("ignore::jwt.warnings.InsecureKeyLengthWarning")
def test_what_we_publish_is_signed() -> None:
    """Another library reads our web token with the key."""
    proxy = edge.parse_url("http://127.0.0.1:5561?key=secret&iss=me")
    assert jwt.decode(edge.web_token(proxy), "secret", algorithms=["HS256"])["iss"] == "me"


@given(st.text(st.characters(codec="ascii"), min_size=1, max_size=200))
def test_a_token_holds_a_session_and_hides_it(session_key: str) -> None:
    """The key comes back from its token, no two tokens are alike, and an altered one is none."""
    token = edge.token_of(session_key)
    assert edge.session_in(token) == session_key
    assert edge.token_of(session_key) != token
    assert edge.session_in(("B" if token[0] == "A" else "A") + token[1:]) is None
    if len(session_key) > 8:
        assert session_key not in token


def test_an_old_token_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    """A token is good until the proxy must have asked, and no longer."""
    token, now = edge.token_of("x"), time.time()
    monkeypatch.setattr("django.core.signing.time.time", lambda: now + 719)
    assert edge.session_in(token) == "x"
    monkeypatch.setattr("django.core.signing.time.time", lambda: now + 722)
    assert edge.session_in(token) is None
    assert edge.session_in("") is None
    assert edge.session_in("a:b:c") is None


def test_a_position_is_found_among_channels() -> None:
    """The proxy names each channel with its last id, in one header or in several."""
    headers = [(b"grip-last", b"x; last-id=1.1, notifications-user-7; last-id=5.42"), (b"other", b"y")]
    assert edge.position_in(headers, 7) == Position(5, 42)
    assert edge.position_in(headers, 8) is None
    assert edge.position_in([(b"grip-last", b"notifications-user-7; last-id=x")], 7) is None


def test_a_change_without_content_is_a_hint_without_an_id() -> None:
    """With an id the proxy would count it as passed on, and never ask."""
    assert item_of(Change("7", 5, 41, 42, None)) == {
        "channel": "notifications-user-7",
        "formats": {"http-stream": {"action": "hint"}},
    }
    item = item_of(Change("7", 5, 41, 42, "{}"))
    assert (item["id"], item["prev-id"]) == ("5.42", "5.41")
    assert item["formats"]["http-stream"]["content"] == "event: change\nid: 5.42\ndata: {}\n\n"


@contextmanager
def proxy_that_hangs() -> Iterator[str]:
    """Listen, take connections, and never answer."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}?key=secret"


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
        publisher.put(item_of(Change("7", 5, number, number + 1, "{}")) for number in range(20))
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
        with override_settings(NOTIFICATIONS_GRIP_URL=f"http://127.0.0.1:{server.server_port}?key=secret"):
            publisher = Publisher()
            for start in range(0, 300, 100):
                publisher.put(item_of(Change("7", 5, number, number + 1, "{}")) for number in range(start, start + 100))
                assert publisher.flush(seconds=10.0)
        server.shutdown()
    assert seen == [f"5.{number}" for number in range(1, 301)]
    assert publisher.sent == 300
