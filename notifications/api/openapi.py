"""The API described: OpenAPI for programs, and a page made of it for people.

The description tells nothing of any user, so it is for everyone. The page is for developers: with DEBUG on, or for
staff. It is plain markup: no script, nothing from elsewhere, so the strictest Content-Security-Policy lets it through.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from functools import lru_cache
from typing import Any, Final

from django.conf import settings as django_settings
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_safe
from ninja import NinjaAPI

__all__ = ["docs_view", "schema_view"]

View = Callable[[HttpRequest], HttpResponse]
METHODS: Final = ("get", "post", "delete")


def schema_view(api: NinjaAPI) -> View:
    """Return the view of the OpenAPI description."""

    @csrf_exempt  # so that a POST gets its 405
    @require_safe
    def view(request: HttpRequest) -> HttpResponse:
        return JsonResponse(describe(api, request.path.removesuffix("openapi.json")))

    return view


def docs_view(api: NinjaAPI) -> View:
    """Return the view of the page, which is there for developers only."""

    @csrf_exempt
    @require_safe
    def view(request: HttpRequest) -> HttpResponse:
        if not (django_settings.DEBUG or (request.user.is_active and getattr(request.user, "is_staff", False))):
            raise Http404
        spec = describe(api, request.path.removesuffix("docs"))
        return render(
            request, "live_notifications/api_docs.html", {"spec": spec, "operations": list(list_operations(spec))}
        )

    return view


@lru_cache(maxsize=4)
def describe(api: NinjaAPI, prefix: str) -> dict[str, Any]:
    """Return the OpenAPI description of the API where it is mounted at this path."""
    return dict(api.get_openapi_schema(path_prefix=prefix))


def list_operations(spec: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Yield what the page shows of each operation."""
    for path, methods in spec["paths"].items():
        for method in METHODS:
            if method in methods:
                operation = methods[method]
                yield {
                    "method": method.upper(),
                    "path": path,
                    "summary": operation["summary"],
                    "description": operation["description"],
                    "parameters": operation["parameters"],
                    "body": find_example(spec, operation.get("requestBody")),
                    "answer": find_example(spec, operation["responses"][200]),
                }


def find_example(spec: dict[str, Any], holder: dict[str, Any] | None) -> str:
    """Return the example of a body or an answer, laid out; nothing where there is none."""
    if holder is None:
        return ""
    schema = holder["content"]["application/json"]["schema"]
    name = schema["$ref"].rsplit("/", 1)[-1]
    return json.dumps(spec["components"]["schemas"][name]["examples"][0], indent=2, ensure_ascii=False)
