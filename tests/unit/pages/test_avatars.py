"""What stands for a sender. tests/js/dom/avatar.test.js runs the same cases."""

import json
from pathlib import Path

import pytest
from django.template import Context, Template

from notifications.pages.avatars import HUES, hue_of, initials_of

CASES: list[tuple[str, str, int]] = [
    tuple(case) for case in json.loads((Path(__file__).parents[2] / "fixtures" / "avatars.json").read_text())
]


@pytest.mark.parametrize(("name", "letters", "hue"), CASES, ids=[repr(name) for name, _, _ in CASES])
def test_a_name_gives_letters_and_a_hue(name: str, letters: str, hue: int) -> None:
    """First letters of the first and the last word, as a reader sees letters; a hue that is the same in the browser."""
    assert (initials_of(name), hue_of(name)) == (letters, hue)


def test_every_hue_is_given() -> None:
    """Six names of a team rarely share one hue: of 600, each hue has its part."""
    hues = [hue_of(f"Person {number}") for number in range(600)]
    assert {hue: hues.count(hue) > 60 for hue in range(HUES)} == dict.fromkeys(range(HUES), True)


def test_templates_have_both() -> None:
    """A template writes them by `initials` and `hue`, escaped."""
    template = Template("{% load live_notifications %}{{ name|hue }} {{ name|initials }}")
    assert template.render(Context({"name": "Ada Lovelace"})) == f"{hue_of('Ada Lovelace')} AL"
