"""Decide which pages may open a stream: this site's own, whatever cookies a request carries.

Receives the ASGI scope of a request for a stream, and its headers by name. A browser says by `Sec-Fetch-Site` how the
page that asks relates to the address it asks for (https://www.w3.org/TR/fetch-metadata/#sec-fetch-site-header), and by
`Origin` which page that is (https://www.rfc-editor.org/rfc/rfc6454#section-7); no script can change either. Programs
and old browsers send neither. Without a CORS header no other site's script could read
the answer anyway, and only the origins of NOTIFICATIONS_ALLOWED_ORIGINS get one (`cors.py`). Refusing the others here saves
the look-up, and a stream that nobody can read.
"""

from __future__ import annotations

from io import BytesIO
from typing import Any, Final
from urllib.parse import urlsplit

from django.conf import settings as django_settings
from django.core.exceptions import DisallowedHost
from django.core.handlers.asgi import ASGIRequest

from .headers import Headers

__all__ = ["is_own_page", "is_own_socket"]

MAX_ORIGIN_BYTES: Final = 300  # the longest host has 253 characters
OWN_SITES: Final = {b"same-origin", b"none"}  # none: the reader typed the address
DEFAULT_PORTS: Final = {"http": 80, "https": 443}

Origin = tuple[str, str, int | None]  # scheme, host, port


def is_own_page(scope: dict[str, Any], headers: Headers) -> bool:
    """Return whether a request comes from a page of the origin that it goes to, as far as it says.

    What does not parse, and the `null` of a sandboxed page, is nobody's own. Makes no query.
    """
    if any(site not in OWN_SITES for site in headers.get(b"sec-fetch-site", ())):
        return False
    origins = set(headers.get(b"origin", ()))
    if not origins:  # the usual case: browsers leave it out of a GET to the page's own origin
        return True
    text = origins.pop()
    if origins or len(text) > MAX_ORIGIN_BYTES:
        return False
    own = find_own_origin(scope, headers)
    return own is not None and parse_origin(text.decode("latin-1")) == own


def is_own_socket(scope: dict[str, Any], headers: Headers) -> bool:
    """Return the same of a request for a WebSocket. Browsers send `Origin` with each of those.

    Daphne does not say whether it came over TLS, also not behind a proxy that tells it; then either will do, unless
    SECURE_PROXY_SSL_HEADER decides. Channels' `OriginValidator` compares no schemes at all.
    """
    schemes = {"ws": ["http"], "wss": ["https"]}.get(scope.get("scheme", ""), ["https", "http"])
    as_http = {**scope, "type": "http", "method": "GET"}
    return any(is_own_page({**as_http, "scheme": scheme}, headers) for scheme in schemes)


def find_own_origin(scope: dict[str, Any], headers: Headers) -> Origin | None:
    """Return the origin at which Django takes this request to have arrived, or None for a host that it does not serve.

    Django's own rules apply: ALLOWED_HOSTS, USE_X_FORWARDED_HOST and SECURE_PROXY_SSL_HEADER. It is shown the headers that
    they concern, and no others.
    """
    wanted = {b"host", b"x-forwarded-host", b"x-forwarded-port", find_scheme_header()}
    shown = [(name, value) for name in wanted for value in headers.get(name, ())]
    if sum(len(value) for _name, value in shown) > len(wanted) * MAX_ORIGIN_BYTES:
        return None
    request = ASGIRequest({**scope, "query_string": b"", "headers": shown}, BytesIO())
    try:
        return parse_origin(f"{request.scheme}://{request.get_host()}")
    except DisallowedHost:
        return None


def find_scheme_header() -> bytes:
    """Return the header by which a proxy says how the request came to it, as ASGI spells it; b"" without one."""
    name: str = (getattr(django_settings, "SECURE_PROXY_SSL_HEADER", None) or [""])[0]
    return name.removeprefix("HTTP_").replace("_", "-").lower().encode()


def parse_origin(text: str) -> Origin | None:
    """Return scheme, host and port of a serialised origin such as `https://a.example:8443` or `http://[::1]`."""
    try:
        parts = urlsplit(text)
        scheme, host, port = parts.scheme, parts.hostname, parts.port
    except ValueError:  # no number for a port, or a bracket left open
        return None
    if not host or scheme not in DEFAULT_PORTS or text.lower() != f"{scheme}://{parts.netloc.lower()}" or "@" in text:
        return None
    return scheme, host, DEFAULT_PORTS[scheme] if port is None else port
