"""Addresses of the pages, to be included under `notifications/`. The stream's own is answered before Django."""

from importlib.util import find_spec

from django.urls import include, path

from .operations import health
from .pages import action_views as actions, detail, stream_views, token_views, views

app_name = "live_notifications"  # as the label: a site may have addresses of its own under `notifications`

urlpatterns = [
    path("", views.centre, name="centre"),
    path("stream/", stream_views.stream, name="stream"),
    path("ws/", stream_views.socket, name="socket"),
    path("poll/", stream_views.poll, name="poll"),
    path("metrics/", health.metrics, name="metrics"),
    path("health/", health.health, name="health"),
    # Without the extra `[api]` there is no JSON API; `manage.py check` says so.
    *([path("api/", include("notifications.api.views"))] if find_spec("ninja") else []),
    path("read-all/", actions.read_all, name="read_all"),
    path("selection/", actions.selection, name="selection"),
    path("undo/", actions.undo, name="undo"),
    path("seen/", actions.seen, name="seen"),
    path("tokens/", token_views.tokens, name="tokens"),
    path("tokens/<int:pk>/revoke/", token_views.revoke_token, name="revoke_token"),
    path("<int:pk>/", detail.notification, name="notification"),
    path("<int:pk>/open/", actions.open_link, name="open"),
    path("<int:pk>/read/", actions.read, name="read"),
    path("<int:pk>/unread/", actions.unread, name="unread"),
    path("<int:pk>/archive/", actions.archive, name="archive"),
    path("<int:pk>/unarchive/", actions.unarchive, name="unarchive"),
    path("<int:pk>/delete/", actions.delete, name="delete"),
]
