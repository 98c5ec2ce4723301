"""The site's addresses and one more, where a writer has the server's own process write: its doorbells ring in there."""

from __future__ import annotations

import json
import random

from django.http import HttpRequest, JsonResponse
from django.urls import include, path
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_POST

from .perform import perform

__all__ = ["urlpatterns"]


@csrf_exempt
@require_POST
def write(request: HttpRequest) -> JsonResponse:
    """Carry out `count` random operations; answer with their records."""
    wish = json.loads(request.body)
    rng = random.Random(wish["seed"])
    return JsonResponse({"records": [perform(rng, wish["users"], wish["without"]) for _ in range(wish["count"])]})


urlpatterns = [path("", include("notifyproj.urls")), path("oracle/", write)]
