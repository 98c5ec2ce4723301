"""What a line of text looks for. tests/js/state/search.test.js has the browser pass the same cases."""

import datetime as dt
import json
import time
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.utils import timezone
from hypothesis import given, strategies as st

from notifications import notify
from notifications.models import Notification
from notifications.reading.listing import find_page
from notifications.reading.search import SEARCHED, Search, parse_search

CASES: dict[str, Any] = json.loads((Path(__file__).parents[2] / "fixtures" / "search.json").read_text())


def as_json(search: Search) -> dict[str, Any]:
    """Return what narrows, as the table of cases has it."""
    found: dict[str, Any] = {}
    for name, value in vars(search).items():
        if value:
            found[name] = value.isoformat() if isinstance(value, dt.date) else list(value)
    return found


@pytest.mark.parametrize("case", CASES["parsed"], ids=lambda case: case["text"])
def test_a_line_is_understood(case: dict[str, Any]) -> None:
    """Words, quotes, operators, and what is none of them."""
    assert as_json(parse_search(case["text"])) == case["search"]


@pytest.mark.django_db
@pytest.mark.parametrize("case", CASES["matches"], ids=lambda case: case["text"])
def test_it_finds_what_it_says(user: User, other_user: User, case: dict[str, Any]) -> None:
    """A notification in each state is found by the words and operators that mean it, in whichever tab."""
    item = {**CASES["item"]}
    sent_at = dt.datetime.fromisoformat(item.pop("created_at"))
    rows = {state: notify(user, **item) for state in ("unread", "read", "archived")}
    rows["read"].mark_read()
    rows["archived"].archive()
    notify(other_user, **item)
    Notification.objects.update(created_at=sent_at)
    for state, row in rows.items():
        found = find_page(user, state, before=10**9, limit=20, q=case["text"])  # type: ignore[arg-type]
        if "is:" in case["text"]:
            assert [each.pk for each in found.items] == [rows[each].pk for each in case["states"]]
        else:
            assert [each.pk for each in found.items] == ([row.pk] if state in case["states"] else [])


@pytest.mark.django_db
@pytest.mark.parametrize("case", CASES["zones"], ids=lambda case: f"{case['text']} in {case['zone']}")
def test_days_are_those_of_the_zone(user: User, case: dict[str, Any]) -> None:
    """A day begins where the current time zone has its midnight; the page judges by the same ones."""
    row = notify(user, **{name: value for name, value in CASES["item"].items() if name != "created_at"})
    Notification.objects.update(created_at=dt.datetime.fromisoformat(CASES["item"]["created_at"]))
    with timezone.override(
        dt.datetime.strptime(case["zone"], "%z").tzinfo if case["zone"][0] in "+-" else case["zone"]
    ):
        found = find_page(user, "all", before=10**9, limit=20, q=case["text"])
    assert [each.pk for each in found.items] == ([row.pk] if case["found"] else [])


@given(st.text(max_size=200))
def test_no_text_is_an_error(text: str) -> None:
    """Whatever is typed is understood somehow, and looks at a row."""
    parse_search(text).look([text] * len(SEARCHED))


@given(st.lists(st.sampled_from(["figures", "thursday", "ada", "weekly"]), max_size=4), st.randoms())
def test_the_order_of_words_does_not_matter(words: list[str], random: Any) -> None:
    """All of them, in any order, each as often as one likes."""
    texts = [CASES["item"][name] for name in SEARCHED]
    shuffled = random.sample(words, len(words))
    assert parse_search(" ".join(shuffled)).look(texts)[0] == parse_search(" ".join(words)).look(texts)[0] is True


@pytest.mark.parametrize("text", ['"' * 200, "a:" * 100, "from:" * 40, '":' * 100, "a" * 200])
def test_a_line_is_understood_at_once(text: str) -> None:
    """No text of the permitted length takes long."""
    began = time.process_time()
    for _ in range(100):
        parse_search(text)
    assert time.process_time() - began < 5


@pytest.mark.django_db
def test_many_words_end_by_the_work_they_do(user: User, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is looked at for several words counts for each, so a page ends as soon and the next ones go on."""
    monkeypatch.setattr("notifications.reading.listing.SCAN_CHARS", 50_000)
    rows = [Notification(recipient=user, title="t", body="one two six " * 300) for _ in range(30)]
    Notification.objects.bulk_create(rows)
    usual = find_page(user, "all", before=10**6, limit=50, q="one")
    many = find_page(user, "all", before=10**6, limit=50, q="one two six ten")
    assert usual.looked is not None
    assert many.looked is not None
    assert many.looked < usual.looked / 2
    assert many.next is not None
