"""What the benchmark asks of the server's process: send from here, and say how many queries ran."""

from __future__ import annotations

import json

from django.http import HttpRequest, JsonResponse
from django.views.decorators.csrf import csrf_exempt

from bench.site import queries
from bench.site.send import Plan, carry_out


@csrf_exempt
def send(request: HttpRequest) -> JsonResponse:
    """Send notifications from a thread of this process, as any view of a site would; answer when all are sent."""
    return JsonResponse(carry_out(Plan(**json.loads(request.body))))


def stats(request: HttpRequest) -> JsonResponse:
    """Say how many queries this process ran."""
    return JsonResponse({"queries": queries.total()})
