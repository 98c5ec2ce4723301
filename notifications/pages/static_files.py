"""How the app's static files reach a browser: hashed names within its modules, nonces, and who serves them with DEBUG on.

Django's manifest storages give each file a name with a hash of its content, and write such names into styles, but not into
modules, unless a site makes a storage class of its own. The import of a module that was not rewritten leads to a file that
WHITENOISE_KEEP_ONLY_HASHED_FILES removes, and that a browser keeps for as long as `expires 1y` says, whatever was released
since. So the app adds the pattern of its own imports to every storage of that kind; files of others are left alone:

    import { Store } from "../state/store.js";                  as it is written
    import { Store } from "../state/store.4f1d0a9b3e77.js";     as `collectstatic` writes it

docs/decisions/0036 compares the other ways.
"""

from __future__ import annotations

from functools import cache
from importlib.util import find_spec
from typing import Any, Final

from django.apps import apps
from django.conf import settings as django_settings
from django.contrib.staticfiles.handlers import ASGIStaticFilesHandler
from django.contrib.staticfiles.storage import HashedFilesMixin
from django.core.handlers.asgi import ASGIHandler

__all__ = ["MODULES", "hash_imports", "nonce_of", "serve_in_development"]

MODULES: Final = "notifications/*.js"  # `*` stands for folders too
# One import or export, over as many lines as it takes. A name with a second dot has its hash already, from a storage that
# rewrites all modules.
IMPORT: Final = r"""(?m)^(?P<matched>(?P<head>(?:import|export)\b[^;"']*)"(?P<url>\.{1,2}/[\w/]+\.js)";)"""
REWRITTEN: Final = '%(head)s"%(url)s";'
# What is loaded when it is wanted: `await import("./swipe.js")`.
LATE_IMPORT: Final = r"""(?P<matched>(?P<head>\bimport\()"(?P<url>\.{1,2}/[\w/]+\.js)"\))"""
LATE_REWRITTEN: Final = '%(head)s"%(url)s")'
# How often a storage looks whether a name has changed by what a module imports: the longest chain of ours, and some more.
PASSES: Final = 12
SERVES_ITSELF: Final = "whitenoise."  # with DEBUG on as well


def hash_imports() -> None:
    """Have every storage that hashes names write them into the app's modules. Storages are made later."""
    if MODULES not in dict(HashedFilesMixin.patterns):
        rewriting = ((IMPORT, REWRITTEN), (LATE_IMPORT, LATE_REWRITTEN))
        HashedFilesMixin.patterns = (*HashedFilesMixin.patterns, (MODULES, rewriting))
        HashedFilesMixin.max_post_process_passes = max(PASSES, HashedFilesMixin.max_post_process_passes)


def nonce_of(request: Any) -> str:
    """Return the nonce by which this answer's Content-Security-Policy allows scripts; empty where it has none.

    django-csp 4 has it on the request, and so has Django 6. Both put it into a policy that asks for nonces, and only there.
    """
    nonce = getattr(request, "csp_nonce", None) if has_django_csp() else None
    if nonce is None:
        nonce = getattr(request, "_csp_nonce", None)  # what django.middleware.csp.get_nonce() returns
    return "" if nonce is None else str(nonce)


@cache
def has_django_csp() -> bool:
    """Return whether django-csp is there, in a version whose nonces change no policy that asks for none (4 or later)."""
    found = find_spec("csp")  # a site may have a module of that name
    return found is not None and bool(found.submodule_search_locations) and find_spec("csp.constants") is not None


def serve_in_development(application: Any) -> Any:
    """Return an application that with DEBUG on serves static files too, as `runserver` does; daphne and uvicorn do not."""
    if not django_settings.DEBUG or not apps.is_installed("django.contrib.staticfiles"):
        return application
    if not isinstance(application, ASGIHandler) or isinstance(application, ASGIStaticFilesHandler):
        return application  # the site has its own way
    if any(str(path).startswith(SERVES_ITSELF) for path in django_settings.MIDDLEWARE):
        return application
    return ASGIStaticFilesHandler(application)
