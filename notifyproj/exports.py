"""A job to look at: the button on the home page starts it, and the bell's list shows how far it is."""

from __future__ import annotations

import threading
import time
from typing import Any, Final

from django.conf import settings
from django.contrib.auth.decorators import login_required
from django.db import connections
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.translation import get_language, gettext as _, override
from django.views.decorators.http import require_POST

from notifications import JobFailed, track

__all__ = ["start"]

ROWS: Final = 400
SECONDS_PER_ROW: Final = 0.02  # eight seconds in all: long enough to watch, short enough to wait for
MAX_AT_ONCE: Final = 4

free = threading.BoundedSemaphore(MAX_AT_ONCE)


@require_POST
@login_required
def start(request: HttpRequest) -> HttpResponse:
    """Begin an export of nothing, in a thread, and go to where it shows. Only with DEBUG on, as all of the demo."""
    if not settings.DEBUG:
        raise Http404
    if free.acquire(blocking=False):  # who presses the button more often sees those that run
        fails = "fail" in request.POST
        threading.Thread(target=export, args=(request.user.pk, get_language(), fails), daemon=True).start()
    return redirect("live_notifications:centre")


def export(user_id: Any, language: str | None, fails: bool) -> None:
    """Count rows, slowly, in the words of whoever asked; fail in the middle if that is wanted."""
    try:
        with override(language), track(user_id, title=_("Demo export"), total=ROWS, category="reports") as job:
            for row in range(ROWS):
                time.sleep(SECONDS_PER_ROW)
                job.advance()
                if fails and row == ROWS // 2:
                    raise JobFailed(_("The file grew beyond 100 MB. Choose a shorter period and try again."))
            job.finish(url=reverse("home"), body=_("%(rows)d rows are ready.") % {"rows": ROWS})
    except JobFailed:
        pass  # it was wanted, and the user was told
    finally:
        connections.close_all()
        free.release()
