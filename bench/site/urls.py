"""The addresses of the measured site: the app's own, and two that only a benchmark may have."""

from django.urls import include, path

from bench.site import views

urlpatterns = [
    path("notifications/", include("notifications.urls")),
    path("bench/send/", views.send),
    path("bench/stats/", views.stats),
]
