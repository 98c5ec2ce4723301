"""What Daphne and uvicorn run: the stream first, Django behind it; with DEBUG on static files too.

    daphne notifyproj.asgi:application
    uvicorn notifyproj.asgi:application

DEBUG is off here unless the environment says otherwise; then a proxy serves the static files.
"""

import os

from django.core.asgi import get_asgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "notifyproj.settings")

django_application = get_asgi_application()

# Only now: it imports models, which exist once get_asgi_application() has set Django up.
from notifications.asgi import with_stream  # noqa: E402

application = with_stream(django_application)
