"""Plain text as a page shows it: addresses in it are links, all else is escaped.

Guarantees that a link leads to the web and runs nothing, and that each character is looked at once or twice.
"""

from __future__ import annotations

import re
from typing import Final

from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from ..models.validators import followable

__all__ = ["link_addresses"]

ADDRESS: Final = re.compile(r"""https?://[^\s<>"“”„‘’«»]+""", re.IGNORECASE)
AFTER_SENTENCE: Final = ".,;:!?'…。，、；：！？*_~|"
CLOSING: Final = {")": "(", "]": "[", "}": "{", "）": "（", "】": "【", "」": "「"}


def link_addresses(text: str) -> SafeString:
    """Return a text as HTML in which each address is a link that search engines do not follow.

    >>> link_addresses("See https://example.com/a_(b).")
    'See <a href="https://example.com/a_(b)" rel="noopener nofollow" dir="ltr">https://example.com/a_(b)</a>.'
    """
    pieces: list[str] = []
    end = 0
    for match in ADDRESS.finditer(text):
        address = cut_end(match[0])
        if followable(address):
            link = format_html('<a href="{}" rel="noopener nofollow" dir="ltr">{}</a>', address, address)
            pieces += [text[end : match.start()], link]
            end = match.start() + len(address)
    return format_html_join("", "{}", ((piece,) for piece in [*pieces, text[end:]]))


def cut_end(address: str) -> str:
    """Return an address without what belongs to the sentence around it: `.` and `)`, but for a bracket that it opened."""
    closed = {last: address.count(last) - address.count(first) for last, first in CLOSING.items()}
    end = len(address)
    while end:
        last = address[end - 1]
        if closed.get(last, 0) > 0:
            closed[last] -= 1
        elif last not in AFTER_SENTENCE:
            break
        end -= 1
    return address[:end]
