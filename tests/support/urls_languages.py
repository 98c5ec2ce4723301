"""A host project whose every address begins with its language."""

from django.conf.urls.i18n import i18n_patterns
from django.urls import include, path
from django.utils.translation import pgettext_lazy

# as a site translates its own addresses; no catalogue of ours has these
urlpatterns = i18n_patterns(path(pgettext_lazy("address", "notifications/"), include("notifications.urls")))
