"""A host project that mounts the notifications somewhere else."""

from django.urls import include, path

urlpatterns = [path("inbox/live/", include("notifications.urls"))]
