"""The one JSON shape: the documented example, times in UTC, and one line of ASCII whatever the text holds."""

from __future__ import annotations

import datetime as dt
import json

import pytest
from hypothesis import given, strategies as st

from notifications import Level
from notifications.models import Inbox, Notification
from notifications.protocol import payloads
from notifications.protocol.payloads import (
    build_change_data,
    build_payload,
    build_snapshot,
    dumps,
    encode_payload,
    make_copy_encoder,
)

NOON = dt.datetime(2026, 1, 1, 12, tzinfo=dt.UTC)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


def invoice() -> Notification:
    """Return the example of the module's docstring."""
    return Notification(
        pk=12,
        modseq=42,
        recipient_id=1,
        category="billing",
        level=Level.WARNING,
        title="Invoice overdue",
        url="/invoices/7/",
        actor="Ada",
        topic="billing.invoice:7",
        created_at=NOON,
    )


def test_the_documented_example_is_what_is_sent() -> None:
    """The JSON in the module's docstring, to the letter and in its order."""
    assert payloads.__doc__ is not None
    example = json.loads(payloads.__doc__.split("\n\n")[1])
    assert build_payload(invoice()) == example
    assert list(build_payload(invoice())) == list(example)


def test_the_recipient_is_not_sent() -> None:
    """A client knows who it is; nobody learns the key of another user."""
    assert "recipient" not in json.dumps(build_payload(invoice()))


def test_times_are_in_utc() -> None:
    """Whatever zone a time was given in."""
    row = invoice()
    row.read_at = row.archived_at = NOON.astimezone(dt.timezone(dt.timedelta(hours=5, minutes=30)))
    sent = build_payload(row)
    assert sent["read_at"] == sent["archived_at"] == "2026-01-01T12:00:00+00:00"


def test_a_change_tells_where_it_leads() -> None:
    """`read_upto` comes with `read_at` and only where all were read."""
    plain = json.loads(build_change_data(prev=1, modseq=2, upsert=[], gone=[7], unread=3, unseen=1))
    assert plain == {"prev": 1, "modseq": 2, "upsert": [], "gone": [7], "unread": 3, "unseen": 1}
    read = json.loads(
        build_change_data(prev=1, modseq=2, upsert=[], gone=[], unread=0, unseen=0, read_upto=1, read_at=NOON)
    )
    assert (read["read_upto"], read["read_at"]) == (1, "2026-01-01T12:00:00+00:00")


def test_a_change_holds_rows_as_they_are_encoded() -> None:
    """In the order given, and compact: the text is what `dumps()` makes of the whole."""
    first, second = invoice(), invoice()
    second.pk, second.title = 13, 'Said "no" \u2028 twice'
    text = build_change_data(
        prev=1, modseq=42, upsert=[encode_payload(first), encode_payload(second)], gone=[3, 4], unread=2, unseen=1
    )
    rows = [build_payload(first), build_payload(second)]
    assert text == dumps({"prev": 1, "modseq": 42, "upsert": rows, "gone": [3, 4], "unread": 2, "unseen": 1})


def test_alike_rows_are_encoded_like_any_other() -> None:
    """What a broadcast tells each user is, to the letter, what one message to that user alone would tell."""
    encode = make_copy_encoder(invoice())
    other = invoice()
    other.pk, other.modseq = 13, 7
    assert encode(13, 7) == encode_payload(other)


def test_a_snapshot_holds_rows_and_counters() -> None:
    """In the order given."""
    snapshot = build_snapshot(Inbox(unread=2, unseen=1), [invoice()])
    assert snapshot == {"items": [build_payload(invoice())], "unread": 2, "unseen": 1}


@given(JSON)
def test_json_is_one_line_by_anybodys_count(value: object) -> None:
    """It survives the round trip, and no text in it can end a line of an event stream."""
    text = dumps(value)
    assert len(text.splitlines()) == 1  # Python's takes more for line ends than an event stream does
    assert json.loads(text) == value


def test_what_is_no_json_is_refused() -> None:
    """JSON knows no NaN, and a client would stumble over it."""
    with pytest.raises(ValueError, match="not JSON compliant"):
        dumps({"a": float("nan")})
