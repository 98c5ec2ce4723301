"""What a reader looks at, the centre and the bell's panel. The buttons lead to `pages/action_views.py`.

They receive a query string (`forms.PageForm`). They guarantee that a GET changes nothing, that a user sees only their own
notifications, and that the centre's position and rows are one state, so that the stream continues without a gap.

One address serves the page and, for the script, its parts: `?part=list` and `?part=panel` are the same template without
the site's frame, `?part=rows` is a further page as JSON, `?part=count` how many an action on all of the list would reach.

    GET /notifications/?tab=unread&before=1042&part=rows
    200 {"items": [{"id": 1041, …}], "next": 942, "position": "81985529216486.42", "unread": 2, "unseen": 0}

    GET /notifications/?tab=unread&part=count&up_to=81985529216486.42
    200 {"count": 1001}

No cache keeps any of it: after a logout "back" must show nothing.
"""

from __future__ import annotations

from typing import Any, Final

from django.conf import settings as django_settings
from django.contrib.auth.decorators import login_not_required
from django.contrib.auth.views import redirect_to_login
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render, resolve_url
from django.views.decorators.cache import cache_control
from django.views.decorators.http import require_safe

from ..access.limits import spend
from ..access.reader import build_tag
from ..conf import settings
from ..exceptions import TooOften
from ..log.keys import MAX_KEY
from ..models import Level, Notification
from ..protocol.payloads import build_counters, build_payload, dumps
from ..reading.listing import FoundPage, count_rows, find_categories, find_page
from .action_views import answer_refusal, build_limited, find_refusal
from .forms import PageForm, Tab

__all__ = ["centre"]

# A further page that the script fetches while its reader scrolls: five of the first one, so that ten thousand
# notifications are a hundred requests.
PAGES_PER_FETCH: Final = 5


@login_not_required  # it sends people to the login page itself, and tells a script so
@require_safe
@cache_control(private=True, no_store=True)
def centre(request: HttpRequest) -> HttpResponse:
    """Show one page of a user's notifications. 2 queries besides the session's, 3 where something narrows the list."""
    form = PageForm(request.GET)
    part = form.value("part")
    refusal = find_refusal(request)
    if refusal is not None and not part:
        return redirect_to_login(request.get_full_path())
    if refusal is not None:
        return answer_refusal(request, refusal, wants_json=True)
    if part == "count":
        return count(request, form)
    if form.value("q"):
        try:
            spend(request.user)
        except TooOften as error:
            return answer_refusal(request, build_limited(error), wants_json=part == "rows")
    limit = settings.page_size * (PAGES_PER_FETCH if part == "rows" else 1)
    before = form.value("before") or MAX_KEY
    found = find_page(request.user, form.shown_tab, before=before, limit=limit, **form.narrowing)
    if part == "rows":
        items = [build_payload(row) for row in found.items]
        answer = {"items": items, "next": found.next, "problem": form.search_problem}
        content = dumps({**answer, **build_counters(found.inbox)})
        return HttpResponse(content, content_type="application/json")
    template = "live_notifications/panel.html" if part == "panel" else "live_notifications/centre.html"
    return render(request, template, build_context(request, form, found))


def count(request: HttpRequest, form: PageForm) -> HttpResponse:
    """Say how many rows of a list an action up to a position would reach; `null` where they are very many. 1 query."""
    bound = form.value("up_to")
    fields = {name: form.narrowing[name] for name in ("category", "level")}
    number = count_rows(request.user, form.shown_tab, up_to=bound.modseq if bound else MAX_KEY, **fields)
    return JsonResponse({"count": number})


def build_context(request: HttpRequest, form: PageForm, found: FoundPage) -> dict[str, Any]:
    """Return what the templates of the centre and of the panel show. 1 query, for the centre's categories."""
    part = form.value("part")
    return {
        "notification_inbox": found.inbox,  # {% notification_bell %} takes it from here
        "notification_reader": build_tag(request.user),
        "login_url": resolve_url(django_settings.LOGIN_URL),
        "frame": "live_notifications/_part.html" if part else "live_notifications/base.html",
        "part": part or "list",
        "items": found.items,
        "next": found.next,
        "looked": found.looked,
        "before": form.value("before"),
        "tab": form.shown_tab,
        "tabs": Tab.choices[:2] if part == "panel" else Tab.choices,
        "filters": form.narrowing,
        "search_problem": form.search_problem,
        "is_narrowed": any(form.narrowing.values()),
        "categories": [] if part == "panel" else find_categories(request.user, form.narrowing["category"]),
        "levels": Level.choices,
        "undo_seconds": f"{settings.undo_seconds:g}",
        "blank": Notification(pk=0, modseq=0),
    }
