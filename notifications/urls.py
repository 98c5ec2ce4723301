"""Addresses of the pages, to be included under `notifications/`. The stream's own is answered before Django."""

from importlib.util import find_spec

from django.urls import include, path

from . import monitoring, views

app_name = "notifications"

urlpatterns = [
    path("", views.centre, name="centre"),
    path("stream/", views.stream, name="stream"),
    path("ws/", views.stream, name="socket"),
    path("metrics/", monitoring.metrics, name="metrics"),
    path("health/", monitoring.health, name="health"),
    # Without the extra `[api]` there is no JSON API; `manage.py check` says so.
    *([path("api/", include("notifications.api"))] if find_spec("ninja") else []),
    path("read-all/", views.read_all, name="read_all"),
    path("seen/", views.seen, name="seen"),
    path("<int:pk>/open/", views.open_link, name="open"),
    path("<int:pk>/read/", views.read, name="read"),
    path("<int:pk>/unread/", views.unread, name="unread"),
    path("<int:pk>/archive/", views.archive, name="archive"),
    path("<int:pk>/unarchive/", views.unarchive, name="unarchive"),
    path("<int:pk>/delete/", views.delete, name="delete"),
]
