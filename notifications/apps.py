"""The app as Django sees it."""

from __future__ import annotations

from django.apps import AppConfig
from django.contrib.auth import get_user_model
from django.contrib.auth.signals import user_logged_out
from django.db.backends.signals import connection_created
from django.db.models.signals import post_delete, post_save, pre_delete
from django.utils.module_loading import autodiscover_modules
from django.utils.translation import gettext_lazy as _


class NotificationsConfig(AppConfig):
    """Registers the models, the admin and the system checks."""

    name = "notifications"
    label = (
        "live_notifications"  # a site may have an app of its own called `notifications`: for good, it names the tables
    )
    verbose_name = _("Notifications")
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        """Register the system checks and the site's segments, connect the receivers; only now are the models loaded."""
        from . import checks, signals  # noqa: F401 — importing `checks` registers them
        from .broadcasts.background import background_worker
        from .hub import hooks
        from .integrations.pushpin import publisher
        from .log import doorbell, old_snapshots
        from .pages import static_files
        from .sending import job_watchdog

        static_files.hash_imports()
        user_model = get_user_model()
        pre_delete.connect(signals.lock_what_goes, sender=user_model, dispatch_uid="notifications.lock_what_goes")
        post_delete.connect(signals.delete_rest, sender=user_model, dispatch_uid="live_notifications.delete_rest")
        for signal in (post_save, post_delete):
            signal.connect(signals.ask_about_user, sender=user_model, dispatch_uid="notifications.ask_about_user")
        for model in (self.get_model("Inbox"), self.get_model("Notification")):
            post_save.connect(signals.note_loaded, sender=model, dispatch_uid="notifications.note_loaded")
        connection_created.connect(old_snapshots.watch_levels, dispatch_uid="notifications.watch_levels")
        user_logged_out.connect(signals.end_session_of, dispatch_uid="notifications.end_session_of")
        doorbell.also_ring(publisher.publish)
        hooks.every(job_watchdog.LOOK_SECONDS, job_watchdog.mark_stalled)
        hooks.at_leaving(background_worker.stop)
        autodiscover_modules("notification_segments")
