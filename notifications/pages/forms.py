"""What a browser may ask of the pages, and the bounds of it."""

from __future__ import annotations

import re
from typing import Any, Final, NamedTuple

from django import forms
from django.utils.translation import gettext_lazy as _

from ..log.keys import MAX_KEY
from ..models import Level
from ..models.content import MAX_CATEGORY_CHARS
from ..reading.actions import MAX_IDS
from ..reading.listing import MAX_QUERY_CHARS, describe_search_problem

__all__ = [
    "AllForm",
    "Bound",
    "PageForm",
    "ReadAllForm",
    "SelectionForm",
    "Tab",
]


class Tab:
    """The lists of the centre: what `?tab=` may say."""

    ALL: Final = "all"
    UNREAD: Final = "unread"
    ARCHIVED: Final = "archived"
    choices: Final = ((ALL, _("All")), (UNREAD, _("Unread")), (ARCHIVED, _("Archived")))


class Bound(NamedTuple):
    """How far a reader has seen their list. `epoch` is None where the page did not say of which history."""

    epoch: int | None
    modseq: int


class BoundField(forms.Field):
    """A position such as `81985529216486.42`, or its `modseq` alone."""

    PATTERN: Final = re.compile(r"(?:([1-9][0-9]{0,14})\.)?([0-9]{1,19})", re.ASCII)
    default_error_messages = {"invalid": _("Must be a position such as 81985529216486.42, or a modseq such as 42.")}

    def to_python(self, value: Any) -> Bound | None:
        """Return it in parts, or None where it was left out."""
        if not value:
            return None
        match = self.PATTERN.fullmatch(value)
        if match is None or int(match[2]) > MAX_KEY:
            raise forms.ValidationError(self.error_messages["invalid"], code="invalid")
        return Bound(int(match[1]) if match[1] else None, int(match[2]))


class PageForm(forms.Form):
    """The query string of the centre: `?tab=unread&category=billing&level=error&q=invoice&before=1042`.

    A reader may have typed it, so what cannot be understood counts as left out. `part` is what the script asks for:
    `list`, `panel`, or as JSON `rows` and, up to a position, `count`.
    """

    tab = forms.ChoiceField(choices=Tab.choices, required=False)
    category = forms.CharField(max_length=MAX_CATEGORY_CHARS, required=False)
    level = forms.ChoiceField(choices=Level.choices, required=False)
    q = forms.CharField(max_length=MAX_QUERY_CHARS, required=False)
    before = forms.IntegerField(min_value=1, max_value=MAX_KEY, required=False)
    part = forms.ChoiceField(choices=[(part, part) for part in ("list", "panel", "rows", "count")], required=False)
    up_to = BoundField(required=False)

    def value(self, name: str) -> Any:
        """Return what was asked for, or nothing where that makes no sense."""
        self.is_valid()
        return self.cleaned_data.get(name)

    @property
    def shown_tab(self) -> Any:
        """Return the tab asked for, or the first one."""
        return self.value("tab") or Tab.ALL

    @property
    def narrowing(self) -> dict[str, str]:
        """Return the filters and the search text, empty where they narrow nothing."""
        return {name: self.value(name) or "" for name in ("category", "level", "q")}

    @property
    def search_problem(self) -> str:
        """Return what the reader should know of the search text, such as that a date in it is none."""
        return describe_search_problem(self.value("q") or "")


class ReadAllForm(forms.Form):
    """The body of "mark all as read": up to where the reader has seen the list. Left out, all of it."""

    up_to = BoundField(required=False)


class IdsField(forms.Field):
    """Ids of notifications, as the checkboxes of a list send them: `id=12&id=13`."""

    widget = forms.MultipleHiddenInput
    default_error_messages = {
        "required": _("Select at least one notification."),
        "invalid": _("Must be ids of notifications, such as 12; at most %(most)d."),
    }

    def to_python(self, value: Any) -> list[int]:
        """Return them as integers, each once, in order."""
        texts = value or []
        if len(texts) > MAX_IDS or not all(text.isascii() and text.isdigit() and len(text) < 20 for text in texts):
            raise forms.ValidationError(self.error_messages["invalid"], code="invalid", params={"most": MAX_IDS})
        return sorted({int(text) for text in texts})


class SelectionForm(forms.Form):
    """The body of an action on a selection: `action=archive&id=12&id=13`."""

    action = forms.ChoiceField(choices=[(name, name) for name in ("read", "unread", "archive", "unarchive", "delete")])
    id = IdsField()


class AllForm(forms.Form):
    """The body of an action on all that a list holds: `action=archive&up_to=8198….42&tab=all&category=&level=`.

    Only what a token can take back however many rows it was: the time that was set, not the times that were before.
    """

    action = forms.ChoiceField(choices=[(name, name) for name in ("read", "archive")])
    up_to = BoundField()
    tab = forms.ChoiceField(choices=[(name, name) for name in (Tab.ALL, Tab.UNREAD)])
    category = forms.CharField(max_length=MAX_CATEGORY_CHARS, required=False)
    level = forms.ChoiceField(choices=Level.choices, required=False)
