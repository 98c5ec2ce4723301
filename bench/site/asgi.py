"""What the measured server runs: the same line as `notifyproj.asgi`, with every database query counted."""

import os

from django.core.asgi import get_asgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "bench.site.settings")
django_application = get_asgi_application()

# Only now: they import models, which exist once get_asgi_application() has set Django up.
from bench.site import queries  # noqa: E402
from notifications.asgi import with_stream  # noqa: E402

queries.count_all()
application = with_stream(django_application)
