"""The addresses of the site. The stream's own address is answered before Django, in `asgi.py`."""

from django.contrib import admin
from django.contrib.auth import views as auth_views
from django.templatetags.static import static
from django.urls import include, path
from django.utils.functional import lazy
from django.views.generic import RedirectView, TemplateView

from notifyproj import exports

urlpatterns = [
    path("", TemplateView.as_view(template_name="home.html"), name="home"),
    path("accounts/login/", auth_views.LoginView.as_view(redirect_authenticated_user=True), name="login"),
    path("accounts/logout/", auth_views.LogoutView.as_view(), name="logout"),
    path("i18n/", include("django.conf.urls.i18n")),  # set_language, for the switch on every page
    path("demo/export/", exports.start, name="demo_export"),
    path("notifications/", include("notifications.urls")),
    # The same inboxes and the public topics, for clients of django-eventstream.
    path("events/", include("django_eventstream.urls")),
    path("admin/", admin.site.urls),
    # Pages that name no icon of their own, the admin's, make browsers ask here.
    path("favicon.ico", RedirectView.as_view(url=lazy(static, str)("favicon.svg"))),
]
