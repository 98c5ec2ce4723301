"""The headers of a request by name, read once: whoever looks for one afterwards looks it up. Pure.

    [(b"host", b"a.example"), (b"cookie", b"a=1"), (b"cookie", b"b=2")]
    →  {b"host": [b"a.example"], b"cookie": [b"a=1", b"b=2"]}

HTTP/2 sends cookies in several headers, and anybody may send anything twice, so each name has a list.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

__all__ = ["Headers", "read_headers"]

Headers = Mapping[bytes, Sequence[bytes]]


def read_headers(pairs: Iterable[tuple[bytes, bytes]]) -> Headers:
    """Return the values of each header in the order of their coming. ASGI gives names in lower case."""
    found: dict[bytes, list[bytes]] = {}
    for name, value in pairs:
        found.setdefault(name, []).append(value)
    return found
