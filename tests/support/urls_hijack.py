"""The demonstration site, whose staff may act as somebody else by django-hijack."""

from django.urls import include, path

from notifyproj.urls import urlpatterns as own

urlpatterns = [*own, path("hijack/", include("hijack.urls"))]
