"""The page where a reader sees the programs that have a token, and revokes them. Staff make tokens: `admin/tokens.py`.

Guarantees that a reader sees the tokens that act in their name and no others, never a secret, and that only a POST revokes.
"""

from __future__ import annotations

from typing import Any, Final

from django.contrib.auth.decorators import login_required
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render, resolve_url
from django.utils.translation import gettext as _
from django.views.decorators.cache import cache_control
from django.views.decorators.http import require_safe

from ..access.tokens import revoke_tokens
from ..exceptions import Refusal
from ..log.keys import MAX_KEY
from ..models.token import ApiToken
from .action_views import action

__all__ = ["revoke_token", "tokens"]

MAX_LISTED_TOKENS: Final = 100  # the latest; a user with more asks the site's staff


@require_safe
@login_required
@cache_control(no_store=True, private=True)
def tokens(request: HttpRequest) -> HttpResponse:
    """List the tokens that act for the user. 2 queries besides the session's, 2 more for each person who made some."""
    rows = list(find_own_tokens(request).prefetch_related("user", "made_by")[:MAX_LISTED_TOKENS])
    live = [token for token in rows if token.is_valid]
    context = {"live": live, "over": [token for token in rows if token not in live]}
    return render(request, "live_notifications/tokens.html", context)


@action
def revoke_token(request: HttpRequest, pk: int) -> Any:
    """Let one of the user's programs in no more."""
    mine = find_own_tokens(request).filter(pk=min(pk, MAX_KEY))
    if not revoke_tokens(mine, by=request.user) and not mine.exists():
        raise Refusal(404, "not_found", _("You have no token %(id)s; reload the page.") % {"id": pk})
    return resolve_url("live_notifications:tokens")


def find_own_tokens(request: HttpRequest) -> QuerySet[ApiToken]:
    """Return the tokens that act for whoever asks."""
    user: Any = request.user
    return ApiToken.objects.filter(user=user).order_by("-pk")
