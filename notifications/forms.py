"""What a browser may ask of the pages, and the bounds of it."""

from __future__ import annotations

from typing import Final

from django import forms
from django.utils.translation import gettext_lazy as _

__all__ = ["LARGEST_INTEGER", "PageForm", "ReadAllForm", "Tab"]

LARGEST_INTEGER: Final = 2**63 - 1  # what a database column holds; SQLite raises OverflowError beyond


class Tab:
    """The lists of the centre: what `?tab=` may say."""

    ALL: Final = "all"
    UNREAD: Final = "unread"
    ARCHIVED: Final = "archived"
    choices: Final = ((ALL, _("All")), (UNREAD, _("Unread")), (ARCHIVED, _("Archived")))


class PageForm(forms.Form):
    """The query string of the centre: `?tab=unread&before=1042`.

    A reader may have typed it, so what cannot be understood counts as left out.
    """

    tab = forms.ChoiceField(choices=Tab.choices, required=False)
    before = forms.IntegerField(min_value=1, max_value=LARGEST_INTEGER, required=False)

    @property
    def shown_tab(self) -> str:
        """Return the tab asked for, or the first one."""
        self.is_valid()
        return self.cleaned_data.get("tab") or Tab.ALL

    @property
    def cursor(self) -> int | None:
        """Return the id below which the page starts, or None for the first page."""
        self.is_valid()
        before: int | None = self.cleaned_data.get("before")
        return before


class ReadAllForm(forms.Form):
    """The body of "mark all as read": up to which `modseq` the reader has seen the list. Left out, all of it."""

    up_to = forms.IntegerField(min_value=0, max_value=LARGEST_INTEGER, required=False)
