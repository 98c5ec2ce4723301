"""The site's addresses, and pages that show what it answers when something is wrong: `/errors/404.html`."""

from django.urls import path
from django.views.generic import TemplateView

from notifyproj.urls import urlpatterns as pages

NAMES = ("403.html", "403_csrf.html", "404.html", "500.html")
urlpatterns = [
    *pages,
    # With 200, so that the browser does not complain of what is asked for here.
    *(path(f"errors/{name}", TemplateView.as_view(template_name=name)) for name in NAMES),
]
