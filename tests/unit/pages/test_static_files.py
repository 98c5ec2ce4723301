"""Nonces from whatever makes them, and static files with DEBUG on under any server."""

from __future__ import annotations

import re
from importlib.machinery import ModuleSpec
from typing import Any

import pytest
from asgiref.testing import ApplicationCommunicator
from django.contrib.staticfiles.handlers import ASGIStaticFilesHandler
from django.contrib.staticfiles.storage import HashedFilesMixin
from django.core.asgi import get_asgi_application
from django.template import Context, Template
from django.test import Client, RequestFactory, override_settings
from pytest_django import Settings

from notifications.asgi import with_stream
from notifications.pages import static_files
from notifyproj.settings import INSTALLED_APPS, MIDDLEWARE

STRICT = ["csp.middleware.CSPMiddleware", "tests.support.policies.strict_dynamic"]


class LazyNonce:
    """What Django 6 puts onto a request: false until somebody asks for its text."""

    def __str__(self) -> str:
        return "of-django-6"

    def __bool__(self) -> bool:
        return False


def written(**attributes: Any) -> str:
    """Return what the tag writes for a request that has these."""
    request = RequestFactory().get("/")
    vars(request).update(attributes)
    return Template("{% load live_notifications %}<script{% notification_nonce %}>").render(
        Context({"request": request})
    )


def test_a_nonce_is_written_where_there_is_one() -> None:
    """From django-csp or from Django, escaped; nothing otherwise, also without a request."""
    assert written(csp_nonce="of-django-csp") == '<script nonce="of-django-csp">'
    assert written(_csp_nonce=LazyNonce()) == '<script nonce="of-django-6">'
    assert written(csp_nonce='"<') == '<script nonce="&quot;&lt;">'
    assert written() == "<script>"
    assert Template("{% load live_notifications %}<script{% notification_nonce %}>").render(Context()) == "<script>"


@pytest.mark.django_db
def test_the_pages_have_the_nonce_of_their_policy(client: Client, django_user_model: Any) -> None:
    """Every script and style of the centre, the bell in it included, is one that the answer's own policy allows."""
    client.force_login(django_user_model.objects.create_user("reader"))
    others = [name for name in MIDDLEWARE if name not in STRICT]
    with override_settings(MIDDLEWARE=[*STRICT, *others]):
        response = client.get("/notifications/")
    text = response.content.decode()
    _, _, rest = response["Content-Security-Policy"].partition("'nonce-")
    nonce = rest.partition("'")[0]
    assert len(nonce) > 10
    tags = [tag for tag in text.split("<") if tag.startswith(("script", "link")) and "/static/notifications/" in tag]
    assert len(tags) > 4
    assert [tag for tag in tags if f'nonce="{nonce}"' not in tag] == []


def test_a_policy_without_nonces_stays_as_it_is(client: Client) -> None:
    """To write the attribute asks nothing of a policy that does not want it."""
    response = client.get("/accounts/login/")
    assert "nonce" not in response["Content-Security-Policy"]


def test_the_pattern_is_added_once() -> None:
    """However often the app is made ready."""
    static_files.hash_imports()
    assert [glob for glob, _patterns in HashedFilesMixin.patterns].count(static_files.MODULES) == 1


@pytest.mark.parametrize(
    "module",
    [
        'import { Store } from "./store.js";',
        'import "./store.js";',
        'import {\n  Store,\n  Item,\n} from "../state/store.js";',
        'export { Store } from "./store.js";',
        'import("./store.js").then(({ Store }) => new Store());',
        'const { Store } = await import("./store.js");',
    ],
)
def test_each_kind_of_import_is_rewritten(module: str) -> None:
    """What a module imports at once and what it imports when it is wanted get the name with the hash."""
    assert rewrite(module) == re.sub(r'"([./]+\w+(?:/\w+)*)\.js"', r'"\1.4f1d0a9b3e77.js"', module)


@pytest.mark.parametrize(
    "module",
    [
        '/** @import { Store } from "./store.js" */',
        'import { Store } from "./store.4f1d0a9b3e77.js";',
        'import("./store.4f1d0a9b3e77.js");',
        'import { other } from "https://example.com/other.js";',
        'reimport("./store.js")',
    ],
)
def test_what_is_no_import_of_ours_stays(module: str) -> None:
    """Comments, names that have their hash already, other sites and other functions are left alone."""
    assert rewrite(module) == module


def rewrite(module: str) -> str:
    """Return a module as a manifest storage writes it, where each file has the same hash."""
    patterns = dict(HashedFilesMixin.patterns)[static_files.MODULES]
    for pattern, template in patterns:

        def write(found: re.Match[str], template: str = template) -> str:
            groups = found.groupdict()
            return template % (groups | {"url": groups["url"].removesuffix(".js") + ".4f1d0a9b3e77.js"})

        module = re.sub(pattern, write, module)
    return module


async def ask_for_a_style(application: Any) -> int:
    """Return the status of a static file."""
    scope = {
        "type": "http",
        "method": "GET",
        "path": "/static/notifications/page.css",
        "query_string": b"",
        "headers": [(b"host", b"127.0.0.1")],
    }
    communicator: Any = ApplicationCommunicator(application, scope)  # type: ignore[no-untyped-call]
    await communicator.send_input({"type": "http.request", "body": b"", "more_body": False})
    started = await communicator.receive_output(10)
    while (await communicator.receive_output(10)).get("more_body"):
        pass
    await communicator.wait(10)
    status: int = started["status"]
    return status


@pytest.mark.parametrize(("is_debugging", "status"), [(True, 200), (False, 404)])
async def test_any_server_serves_static_files_with_debug_on(
    is_debugging: bool, status: int, settings: Settings
) -> None:
    """As `runserver` does; with DEBUG off a proxy does."""
    settings.DEBUG = is_debugging
    assert await ask_for_a_style(with_stream(get_asgi_application())) == status


@pytest.mark.parametrize(
    "change",
    [
        {"INSTALLED_APPS": [name for name in INSTALLED_APPS if name != "django.contrib.staticfiles"]},
        {"MIDDLEWARE": ["whitenoise.middleware.WhiteNoiseMiddleware"]},
    ],
    ids=["no static files", "WhiteNoise"],
)
def test_a_site_that_has_its_own_way_keeps_it(change: dict[str, Any]) -> None:
    """Nothing is put around an application whose static files are somebody else's business."""
    with override_settings(DEBUG=True, **change):
        application = get_asgi_application()
        assert static_files.serve_in_development(application) is application


@override_settings(DEBUG=True)
def test_another_application_is_left_alone() -> None:
    """What is no handler of Django's own, and what serves static files already, is passed through."""
    for application in (object(), ASGIStaticFilesHandler(get_asgi_application())):
        assert static_files.serve_in_development(application) is application


def test_a_module_of_the_sites_own_called_csp_is_not_django_csp(monkeypatch: pytest.MonkeyPatch) -> None:
    """Regression: each page that asked for a nonce was an error."""

    def find(name: str) -> ModuleSpec:
        if name != "csp":
            raise ModuleNotFoundError("__path__ attribute not found on 'csp' while trying to find 'csp.constants'")
        return ModuleSpec(name, None)

    monkeypatch.setattr(static_files, "find_spec", find)
    static_files.has_django_csp.cache_clear()
    try:
        assert not static_files.has_django_csp()
    finally:
        static_files.has_django_csp.cache_clear()
