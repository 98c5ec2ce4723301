"""The site's addresses, and one that says how a request arrives behind a proxy."""

from django.http import HttpRequest, JsonResponse
from django.urls import include, path

__all__ = ["urlpatterns"]


def arrived(request: HttpRequest) -> JsonResponse:
    """Return what Django takes for the visitor's address and for the address that was visited."""
    return JsonResponse({"client": request.META["REMOTE_ADDR"], "url": request.build_absolute_uri()})


urlpatterns = [path("", include("notifyproj.urls")), path("arrived/", arrived)]
