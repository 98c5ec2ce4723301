"""What a notification may hold. Each refusal says what was received and what to send instead.

The validators hang on the model's fields, so forms, the admin, `notify()` and `save()` all refuse the same things.
"""

from __future__ import annotations

import json
import re
from typing import Any, Final
from unicodedata import category
from urllib.parse import urlsplit

from django.core.exceptions import ValidationError
from django.utils.translation import gettext_lazy as _

__all__ = [
    "DATA_MAX_BYTES",
    "DATA_MAX_DEPTH",
    "followable",
    "has_depth",
    "validate_data",
    "validate_link",
    "validate_text",
    "validate_title",
]

ESCAPED_NUL: Final = re.compile(r"(?<!\\)(?:\\\\)*\\u0000")  # a NUL in JSON, not the text of a backslash and "u0000"
DATA_MAX_BYTES: Final = 8 * 1024  # 8 KiB: a change must fit into one doorbell with room to spare
# https://www.unicode.org/reports/tr44/#General_Category_Values
INVISIBLE: Final = frozenset({"Cc", "Cf", "Cs", "Mn", "Zl", "Zp", "Zs"})
# Letters and symbols that are drawn as nothing: the fillers of Hangul and the braille pattern without a dot.
BLANK_LETTERS: Final = frozenset("\u115f\u1160\u2800\u3164\uffa0")
# Levels of objects and lists in each other. Python 3.11 takes each for a call, of which it grants 1,000 to the whole stack.
DATA_MAX_DEPTH: Final = 32


def validate_text(value: str) -> None:
    """Refuse text that PostgreSQL or UTF-8 cannot hold: NUL characters and lone surrogates."""
    if "\x00" in value:
        raise ValidationError(_("Contains a NUL character; remove it."), code="nul")
    try:
        value.encode()
    except UnicodeEncodeError as error:
        raise ValidationError(
            _("Contains %(char)s, half of a surrogate pair; send whole characters."),
            code="surrogate",
            params={"char": f"U+{ord(value[error.start]):04X}"},
        ) from None


def validate_title(value: str) -> None:
    """Refuse a title without a visible character."""
    if not any(is_visible(character) for character in value):
        raise ValidationError(_("The title shows nothing; write what happened."), code="blank")


def is_visible(character: str) -> bool:
    """Return whether something is to be seen where only this character stands.

    Spaces, controls, characters for format such as U+200B and U+00AD, and marks, which need a letter below them, are not.
    One that this Python's tables do not know yet may be a new emoji, and is.
    """
    return category(character) not in INVISIBLE and character not in BLANK_LETTERS


def validate_link(value: str) -> None:
    r"""Accept `https://host/…`, `http://host/…` and `/path` on this site; refuse everything else.

    Browsers drop tabs and newlines from addresses and read `\` as `/`, so none of these may appear
    (https://url.spec.whatwg.org/#concept-basic-url-parser).
    """
    remedy = _(
        "%(value)r is not a link that can be opened from here; use https://…, http://… or a path such as /orders/7/."
    )
    refusal = ValidationError(remedy, code="link", params={"value": value[:200]})
    if "\\" in value or any(character.isspace() or ord(character) < 32 or ord(character) == 127 for character in value):
        raise refusal
    try:
        parts = urlsplit(value)
        port_is_valid = parts.port is None or parts.port > 0
    except ValueError:
        raise refusal from None
    is_local = value.startswith("/") and not value.startswith("//")
    is_web = parts.scheme in ("http", "https") and bool(parts.hostname) and port_is_valid
    if not (is_local or is_web):
        raise refusal


def followable(url: str) -> str:
    """Return an address that may be linked or redirected to, or nothing.

    The model refuses others already; fixtures and raw SQL do not ask the model.
    """
    try:
        validate_link(url)
    except ValidationError:
        return ""
    return url


def validate_data(value: Any) -> None:
    """Accept a JSON object of at most `DATA_MAX_BYTES` as UTF-8, and of at most `DATA_MAX_DEPTH` levels."""
    if not isinstance(value, dict):
        raise ValidationError(
            _('Must be a JSON object such as {"key": "value"}, not %(kind)s.'),
            code="not_object",
            params={"kind": type(value).__name__},
        )
    try:
        text = json.dumps(value, ensure_ascii=False, allow_nan=False)
        size = len(text.encode())
    except (TypeError, ValueError, RecursionError) as error:
        raise ValidationError(
            _(
                "Cannot be written as JSON (%(error)s); use strings, finite numbers, true, false, null, lists and objects."
            ),
            code="not_json",
            params={"error": error},
        ) from None
    if ESCAPED_NUL.search(text):
        raise ValidationError(_("Contains a NUL character; remove it."), code="nul")
    if size > DATA_MAX_BYTES:
        raise ValidationError(
            _("Is %(size)d bytes long; at most %(most)d are allowed. Store the rest elsewhere and put its key here."),
            code="too_large",
            params={"size": size, "most": DATA_MAX_BYTES},
        )
    if has_depth(value, DATA_MAX_DEPTH + 1):
        raise ValidationError(
            _("Is nested more than %(most)d levels deep; store the rest elsewhere and put its key here."),
            code="too_deep",
            params={"most": DATA_MAX_DEPTH},
        )


def has_depth(value: Any, levels: int) -> bool:
    """Return whether objects and lists stand in each other so many levels deep. Calls itself never, whatever the depth."""
    found = [value]
    for _level in range(levels):
        found = [each for each in found if isinstance(each, dict | list | tuple)]
        if not found:
            return False
        found = [inner for each in found for inner in (each.values() if isinstance(each, dict) else each)]
    return True
