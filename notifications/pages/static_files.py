"""How the app's static files reach a browser: hashed names, what loads ahead, nonces, and who serves them with DEBUG on.

The modules are built from `frontend/` (scripts/build_scripts.py). An entry imports chunks, and a chunk others.

Django's manifest storages give each file a name with a hash of its content, and write such names into styles, but not into
modules, unless a site makes a storage class of its own. The import of a module that was not rewritten leads to a file that
WHITENOISE_KEEP_ONLY_HASHED_FILES removes, and that a browser keeps for as long as `expires 1y` says, whatever was released
since. So the app adds the pattern of its own imports to every storage of that kind; files of others are left alone:

    import{a as v}from"./chunks/chunk_BD346ZR2.js";                  as it is built
    import{a as v}from"./chunks/chunk_BD346ZR2.4f1d0a9b3e77.js";     as `collectstatic` writes it

docs/decisions/0036 compares the other ways. A browser learns of a chunk only once it has what imports it, so the tag of an
entry names the chunks besides, as `modulepreload`: all of them come in one round.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Final

from django.apps import apps
from django.conf import settings as django_settings
from django.contrib.staticfiles.handlers import ASGIStaticFilesHandler
from django.contrib.staticfiles.storage import HashedFilesMixin
from django.core.handlers.asgi import ASGIHandler
from django.templatetags.static import static
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

__all__ = ["MODULES", "find_all_imports", "hash_imports", "nonce_of", "serve_in_development", "write_scripts"]

MODULES: Final = "notifications/*.js"  # `*` stands for folders too
# One import or export, which follows another one or begins a line. A name with a second dot has its hash already, from a
# storage that rewrites all modules.
IMPORT: Final = (
    r"""(?m)(?P<matched>(?:^|(?<=;))(?P<head>(?:import|export)\b[^;"']*)"(?P<url>\.{1,2}/[\w/]+\.js)"(?=;|$))"""
)
REWRITTEN: Final = '%(head)s"%(url)s"'
# What is loaded when it is wanted: `await import("./swipe.js")`.
LATE_IMPORT: Final = r"""(?P<matched>(?P<head>\bimport\()"(?P<url>\.{1,2}/[\w/]+\.js)"\))"""
LATE_REWRITTEN: Final = '%(head)s"%(url)s")'
# How often a storage looks whether a name has changed by what a module imports: the longest chain of ours, and some more.
PASSES: Final = 12
SERVES_ITSELF: Final = "whitenoise."  # with DEBUG on as well
FOLDER: Final = Path(__file__).resolve().parents[1] / "static"


def hash_imports() -> None:
    """Have every storage that hashes names write them into the app's modules. Storages are made later."""
    if MODULES not in dict(HashedFilesMixin.patterns):
        rewriting = ((IMPORT, REWRITTEN), (LATE_IMPORT, LATE_REWRITTEN))
        HashedFilesMixin.patterns = (*HashedFilesMixin.patterns, (MODULES, rewriting))
        HashedFilesMixin.max_post_process_passes = max(PASSES, HashedFilesMixin.max_post_process_passes)


def write_scripts(names: tuple[str, ...], nonce: str) -> SafeString:
    """Return the tags of modules of ours: before them, what they import, so that a browser asks for all of it at once.

    Args:
        names: as `{% static %}` takes them: `notifications/index.js`.
        nonce: of the answer's policy; empty where there is none.
    """
    allowed = format_html(' nonce="{}"', nonce) if nonce else ""
    find = find_all_imports if django_settings.DEBUG else remember_all_imports  # in development they are built anew
    ahead = dict.fromkeys(each for name in names for each in find(name) if each not in names)
    preloads = format_html_join(
        "\n", '<link rel="modulepreload"{} href="{}">', ((allowed, static(each)) for each in ahead)
    )
    scripts = format_html_join(
        "\n", '<script type="module"{} src="{}"></script>', ((allowed, static(name)) for name in names)
    )
    return format_html("{}\n{}", preloads, scripts) if ahead else scripts


def find_all_imports(name: str) -> tuple[str, ...]:
    """Return what a module of ours imports at once, and what that imports, without what is loaded when it is wanted."""
    found: dict[str, None] = {}
    waiting = [name]
    while waiting:
        new = [each for each in imports_of(waiting.pop(0)) if each not in found]
        found.update(dict.fromkeys(new))
        waiting += new
    return tuple(found)


@cache
def remember_all_imports(name: str) -> tuple[str, ...]:
    return find_all_imports(name)


def imports_of(name: str) -> Iterator[str]:
    """Yield the modules that one of ours names in its own imports; none where only its collected copy is left."""
    try:
        code = (FOLDER / name).read_text()
    except OSError:
        return
    for found in re.finditer(IMPORT, code):
        yield posixpath.normpath(posixpath.join(posixpath.dirname(name), found["url"]))


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
