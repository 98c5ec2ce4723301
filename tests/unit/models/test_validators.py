"""What a notification may hold: each refusal is keyed by its field and says what to do instead."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.core.exceptions import ValidationError
from django.db.models import F
from hypothesis import given, strategies as st

from notifications import notify
from notifications.models import Notification
from notifications.models.validators import (
    DATA_MAX_BYTES,
    DATA_MAX_DEPTH,
    validate_data,
    validate_link,
    validate_text,
    validate_title,
)


class Deep(dict[str, Any]):
    """More levels than JSON can be written with, and shown by one word."""

    def __repr__(self) -> str:
        return "Deep()"


DEEP: dict[str, Any] = Deep()
for _ in range(max(100_000, sys.getrecursionlimit() * 2)):  # Python 3.13 counts those of C by themselves
    DEEP = Deep(a=DEEP)

LINKS = [
    *("https://example.com", "http://example.com/a?b=c#d", "https://example.com:8443/", "HTTPS://EXAMPLE.COM/"),
    *("https://[::1]/", "https://bücher.example/ö", "/", "/orders/7/", "/a?next=//b", "/a:b", "/%0a"),
]
NO_LINKS = [
    *("javascript:alert(1)", "JaVaScRiPt:alert(1)", "data:text/html,x", "vbscript:x", "file:///etc/passwd"),
    *(
        "//evil.example",
        "///evil.example",
        "/\\evil.example",
        "\\\\evil.example",
        "/\t/evil.example",
        "/\n/evil.example",
    ),
    *(
        "https:evil.example",
        "https:///path",
        "http://",
        "https://exa mple.com",
        " https://example.com",
        "ftp://a.example",
    ),
    *("https://example.com:99999/", "https://example.com:port/", "https://[::1", "https://a\x00.example", "orders/7/"),
    *("mailto:a@example.com", "?a=b", "#top", "\x01/a", "https://\u2100.example", "/a\u00a0b", "/a\x7f"),
]


@pytest.mark.parametrize("link", LINKS)
def test_links_that_can_be_opened_are_accepted(link: str) -> None:
    """Addresses with http or https and a host, and paths on this site."""
    validate_link(link)


@pytest.mark.parametrize("link", NO_LINKS)
def test_links_that_run_code_or_lead_astray_are_refused(link: str) -> None:
    """Whatever a browser could read as a script, another scheme or another site; the remedy shows the forms."""
    with pytest.raises(ValidationError, match=r"use https://…, http://… or a path such as /orders/7/"):
        validate_link(link)


@given(st.text(max_size=30))
def test_a_local_link_never_leaves_the_site(tail: str) -> None:
    """No accepted path starts with two slashes once a browser has dropped and turned what it drops and turns."""
    link = f"/{tail}"
    try:
        validate_link(link)
    except ValidationError:
        return
    seen = "".join(character for character in link if character not in "\t\n\r").replace("\\", "/")
    assert not seen.startswith("//")


@pytest.mark.parametrize(("text", "remedy"), [("a\x00b", "remove it"), ("\ud83d", "send whole characters")])
def test_text_that_cannot_be_stored_is_refused(text: str, remedy: str) -> None:
    """NUL, which PostgreSQL cannot hold, and halves of characters, which UTF-8 cannot."""
    with pytest.raises(ValidationError, match=remedy):
        validate_text(text)


NOTHING = ["", " ", "\n\t", "\u3000", "\u200b", "\u00ad", " \u2060\ufeff", "\ufe0f", "\u3164", "\u2800"]


@pytest.mark.parametrize("title", NOTHING, ids=ascii)
def test_a_title_must_show_something(title: str) -> None:
    """Neither spaces of any kind nor characters that are drawn as nothing are a title.

    Regression: a zero-width space or a soft hyphen was one.
    """
    with pytest.raises(ValidationError, match="write what happened"):
        validate_title(title)


@pytest.mark.parametrize("title", ["x", "!", "你", "👍🏽", "\u200bx", "\u00ad7", "\U000e0fff", "\ue000", "क\u094d"])
def test_a_title_may_be_in_any_script(title: str) -> None:
    """One character that shows is enough, also one that a newer version of Unicode brings, or a font of the site's own."""
    validate_title(title)


@pytest.mark.parametrize("value", [[], "", None, 0, "{}", [1], 7, True])
def test_data_must_be_an_object(value: Any) -> None:
    """JSON of another kind is refused, also where it is empty."""
    with pytest.raises(ValidationError, match=r"Must be a JSON object such as"):
        validate_data(value)


@pytest.mark.parametrize("value", [{"a": {1, 2}}, {"a": float("nan")}, {"a": float("inf")}, {"a": "\ud83d"}, DEEP])
def test_data_that_is_no_json_is_refused(value: Any) -> None:
    """Sets, NaN, infinity, half characters, and more levels than can be written."""
    with pytest.raises(ValidationError, match="Cannot be written as JSON"):
        validate_data(value)


def nested(levels: int) -> dict[str, Any]:
    """Return an object of so many levels, lists and objects in turn."""
    value: Any = {}
    for number in range(levels - 1):
        value = [value] if number % 2 else {"a": value}
    return value if isinstance(value, dict) else {"a": value}


def test_data_is_bounded_in_depth() -> None:
    """What fits does not hang on how deep the caller's own calls are, or on the version of Python."""
    validate_data(nested(DATA_MAX_DEPTH))
    for levels in (DATA_MAX_DEPTH + 2, 300, 600):
        with pytest.raises(ValidationError, match=f"more than {DATA_MAX_DEPTH} levels"):
            validate_data(nested(levels))


def test_data_with_nul_is_refused() -> None:
    """In values and in keys, but not where the text only looks like it."""
    for value in ({"a": "\x00"}, {"\x00": 1}, {"a": [{"b": "\\\x00"}]}):
        with pytest.raises(ValidationError, match="NUL"):
            validate_data(value)
    validate_data({"a": r"\u0000 is how JSON writes NUL"})


@pytest.mark.parametrize("character", ["a", "ä", "😀"])
def test_data_is_measured_in_bytes(character: str) -> None:
    """8 KiB of UTF-8 fit, one byte more does not."""
    room = DATA_MAX_BYTES - len(json.dumps({"a": ""}))
    text = character * (room // len(character.encode()))
    text += "x" * (room - len(text.encode()))
    validate_data({"a": text})
    with pytest.raises(ValidationError, match=f"Is {DATA_MAX_BYTES + 1} bytes long; at most {DATA_MAX_BYTES} are"):
        validate_data({"a": text + "x"})


REFUSALS: list[tuple[str, Any]] = [
    ("title", ""),
    ("title", "  "),
    ("title", None),
    ("title", "x" * 201),
    ("title", "a\x00"),
    ("body", "x" * 4001),
    ("body", None),
    ("body", "\ud83d"),
    ("url", "javascript:alert(1)"),
    ("url", "/" + "x" * 2000),
    ("url", None),
    ("level", "loud"),
    ("level", ""),
    ("category", ""),
    ("category", "two words"),
    ("category", "x" * 51),
    ("actor", "x" * 151),
    ("topic", "x" * 201),
    ("topic", "\x00"),
    ("data", []),
    ("data", "text"),
    ("data", {"a": "x" * 9000}),
    ("data", DEEP),
]


@pytest.mark.django_db
@pytest.mark.parametrize(("field", "value"), REFUSALS, ids=[f"{field}-{str(v)[:12]!r}" for field, v in REFUSALS])
def test_each_way_of_writing_refuses_the_same(field: str, value: Any, user: User) -> None:
    """`notify`, `save`, `bulk_create`, `update` and `bulk_update` name the field; nothing is written."""
    row = notify(user, title="old")
    content = {"title": "new", field: value}
    bad = Notification(pk=row.pk, recipient=user, **content)
    writes: list[Callable[[], object]] = [
        lambda: notify(user, **content),
        lambda: Notification(recipient=user, **content).save(),
        lambda: Notification.objects.create(recipient=user, **content),
        lambda: Notification.objects.bulk_create([Notification(recipient=user, **content)]),
        lambda: Notification.objects.for_user(user).update(**{field: value}),
        lambda: Notification.objects.bulk_update([bad], [field]),
    ]
    for write in writes:
        with pytest.raises(ValidationError) as refusal:
            write()
        assert refusal.value.message_dict.keys() == {field}
        assert all(len(message) > 20 for message in refusal.value.message_dict[field])
    assert list(Notification.objects.values_list("title", "body")) == [("old", "")]


@pytest.mark.django_db
def test_all_refused_fields_are_named_at_once(user: User) -> None:
    """A form shows every mistake, not one after the other."""
    with pytest.raises(ValidationError) as refusal:
        notify(user, title="", url="x", data=[1])  # type: ignore[arg-type]
    assert refusal.value.message_dict.keys() == {"title", "url", "data"}


@pytest.mark.django_db
def test_an_expression_is_refused_not_stored_as_text(user: User) -> None:
    """Regression: `F("body")` was stored as the title “F(body)”."""
    row = notify(user, title="old")
    row.title = F("body")
    for write in (row.save, lambda: Notification.objects.bulk_update([row], ["title"])):
        with pytest.raises(ValidationError, match="SQL expression"):
            write()
