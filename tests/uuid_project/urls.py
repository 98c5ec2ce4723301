"""The third step of the installation."""

from django.urls import include, path

urlpatterns = [path("inbox/", include("notifications.urls"))]
