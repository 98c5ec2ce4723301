"""What Daphne and uvicorn run: the stream first, Django behind it, static files too when DEBUG is on.

    daphne notifyproj.asgi:application
    uvicorn notifyproj.asgi:application

DEBUG is off here unless the environment says otherwise; then a proxy serves the static files.
"""

import os

from django.conf import settings
from django.contrib.staticfiles.handlers import ASGIStaticFilesHandler
from django.core.asgi import get_asgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "notifyproj.settings")

django_application = get_asgi_application()
if settings.DEBUG:
    # `runserver` does this by itself, a bare Daphne or uvicorn does not.
    django_application = ASGIStaticFilesHandler(django_application)

# Only now: it imports models, which exist once get_asgi_application() has set Django up.
from notifications.asgi import with_stream  # noqa: E402

application = with_stream(django_application)
