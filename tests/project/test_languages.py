"""Languages on the site: who gets which, how one switches, and that a Chinese page holds no English word."""

from __future__ import annotations

import gettext
import re
import subprocess
from collections.abc import Callable
from html.parser import HTMLParser
from pathlib import Path
from typing import Any, Final

import pytest
from django.contrib.auth.models import AnonymousUser, User
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.test import Client, RequestFactory
from django.utils import translation
from django.views.defaults import permission_denied, server_error
from pytest_django import Settings

import notifications
from notifications import Level, notify
from tests.support.api import Program

CHINESE: Final = {"accept-language": "zh-CN,zh;q=0.9,en;q=0.5"}
JSON: Final = {"accept": "application/json"}
SWITCH: Final = "/i18n/setlang/"
PAGES: Final = ("/", "/notifications/", "/notifications/?tab=unread", "/notifications/?tab=archived", "/nowhere/")
ADMIN: Final = "/admin/live_notifications/notification/"
TOKENS: Final = ("/admin/live_notifications/apitoken/", "/admin/live_notifications/apitoken/add/")
# Names, and what stands for itself in any language.
SAME_IN_ALL: Final = frozenset(
    {"notifyproj", "English", "Cookie", "Django", "HTTPS", "Python", "manage", "py", "shell", "user", "general"}
)
OURS: Final = Path(notifications.__file__).parent / "locale" / "zh_Hans" / "LC_MESSAGES" / "django.mo"
HAN: Final = re.compile(r"[\u4e00-\u9fff]")


class Texts(HTMLParser):
    """Collect the texts of a page that a reader meets: seen, heard, or shown by the scripts later."""

    SHOWN: Final = frozenset({"alt", "aria-description", "aria-label", "placeholder", "title"})
    QUIET: Final = frozenset({"code", "kbd", "pre", "script", "style", "svg"})

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []
        self._quiet = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Read the attributes that are words; a `data-*` is taken for words where it has a space between two."""
        self._quiet += tag in self.QUIET
        is_button = tag == "input" and dict(attrs).get("type") == "submit"
        for name, value in attrs:
            is_data = name.startswith("data-") and name != "data-app-label"  # a name in the admin's own markup
            is_phrase = is_data and (re.search("label|message", name) or re.search("[A-Za-z] [A-Za-z]", value or ""))
            if name in self.SHOWN or is_phrase or (is_button and name == "value"):
                self.found.append(value or "")

    def handle_endtag(self, tag: str) -> None:
        """Listen again after a part that holds no words."""
        self._quiet -= tag in self.QUIET

    def handle_data(self, data: str) -> None:
        """Read text."""
        if not self._quiet:
            self.found.append(data)


def texts(response: Any) -> list[str]:
    """Return the texts of a page, which is in Chinese."""
    parser = Texts()
    parser.feed(response.content.decode())
    assert any(HAN.search(text) for text in parser.found)
    return parser.found


def latin(response: Any) -> list[str]:
    """Return the words in Latin letters of a Chinese page, without what a script fills in and a search's operators."""
    found = (re.findall(r"[A-Za-z]{2,}", re.sub(r"\{\w+\}|\b(?:from|in|is):", "", text)) for text in texts(response))
    return [word for words in found for word in words if word not in SAME_IN_ALL]


def untranslated(response: Any) -> set[str]:
    """Return the phrases of this app that a page of the admin shows in English. Django's own are Django's affair."""
    with OURS.open("rb") as file:
        chinese = gettext.GNUTranslations(file)
    shown = {text.strip().rstrip(":") for text in texts(response)} - {"Search"}  # in Django's own markup
    return {text for text in shown if HAN.search(chinese.gettext(text)) and not HAN.search(text)}


@pytest.fixture
def page(client: Client, user: User) -> Client:
    """A browser set to Chinese in which the user is logged in; each level has notified."""
    for number, level in enumerate(Level.values):
        notify(user, title=f"{number}", body="100", level=level)
    client.force_login(user)
    client.defaults["HTTP_ACCEPT_LANGUAGE"] = CHINESE["accept-language"]
    return client


# --- Complete


@pytest.mark.parametrize("path", PAGES)
def test_a_chinese_page_has_no_english(page: Client, path: str) -> None:
    """What stands in the page, is read out, or waits for the scripts is Chinese."""
    assert latin(page.get(path)) == []


@pytest.mark.parametrize("path", ["/", "/accounts/login/", "/accounts/login/?next=/notifications/"])
@pytest.mark.django_db
def test_a_chinese_visitor_meets_no_english(client: Client, path: str) -> None:
    """Who is not logged in reads Chinese too."""
    assert latin(client.get(path, headers=CHINESE)) == []


@pytest.mark.django_db
def test_form_errors_are_chinese(client: Client) -> None:
    """A wrong password is told in the page's language."""
    response = client.post("/accounts/login/", {"username": "x", "password": "x"}, headers=CHINESE)
    assert b"alert" in response.content
    assert latin(response) == []


@pytest.mark.django_db
def test_an_expired_form_is_told_in_chinese() -> None:
    """The page that answers a missing token is Chinese."""
    response = Client(enforce_csrf_checks=True).post("/accounts/login/", headers=CHINESE)
    assert response.status_code == 403
    assert latin(response) == []


@pytest.mark.django_db
@pytest.mark.parametrize(
    "answer", [lambda request: permission_denied(request, PermissionDenied()), server_error], ids=["403", "500"]
)
def test_error_pages_are_chinese(rf: RequestFactory, answer: Callable[[HttpRequest], HttpResponse]) -> None:
    """So are those of what is forbidden and what broke, the latter by a template that stands alone."""
    request = rf.get("/")
    request.user = AnonymousUser()
    with translation.override("zh-hans"):
        response = answer(request)
    assert latin(response) == []
    assert '<html lang="zh-hans" dir="ltr">' in response.content.decode()


@pytest.mark.parametrize("path", [ADMIN, f"{ADMIN}add/", "/admin/live_notifications/inbox/", *TOKENS])
def test_the_admin_follows(admin_client: Client, path: str) -> None:
    """Columns, filters, fields and helps of this app's admin are Chinese."""
    assert untranslated(admin_client.get(path, headers=CHINESE)) == set()


def test_the_admin_refuses_in_chinese(admin_client: Client) -> None:
    """What the validators say of a form is Chinese."""
    response = admin_client.post(f"{ADMIN}add/", {"title": " ", "url": "x", "category": "?!"}, headers=CHINESE)
    assert "请使用 https://…" in response.content.decode()
    assert untranslated(response) == set()


# --- Chosen


@pytest.mark.parametrize(
    ("asked", "given"),
    [
        ("zh-CN", "zh-hans"),
        ("zh-Hans-SG", "zh-hans"),
        ("zh", "zh-hans"),
        ("de,en;q=0.5", "en"),
        ("de", "en"),
        ("", "en"),
    ],
)
@pytest.mark.django_db
def test_the_browser_asks(client: Client, asked: str, given: str) -> None:
    """The first visit is in the language that the browser prefers, where there is one of these; else in English."""
    response = client.get("/", headers={"accept-language": asked})
    assert response.headers["Content-Language"] == given
    assert f'<html lang="{given}" dir="ltr">' in response.content.decode()


@pytest.mark.django_db
def test_the_switch_beats_the_browser(client: Client) -> None:
    """What was chosen stays, in a cookie that scripts cannot read, and leads back to where one was."""
    response = client.post(SWITCH, {"language": "zh-hans", "next": "/accounts/login/?next=/notifications/"})
    assert response.headers["Location"] == "/accounts/login/?next=/notifications/"
    cookie = response.cookies["django_language"]
    assert (cookie.value, cookie["httponly"], cookie["samesite"]) == ("zh-hans", True, "Lax")
    assert cookie["max-age"] >= 365 * 24 * 3600
    shown = client.get("/", headers={"accept-language": "en"})
    assert shown.headers["Content-Language"] == "zh-hans"


@pytest.mark.django_db
def test_the_switch_needs_a_post_of_this_site(user: User) -> None:
    """A link or another site's page changes nobody's language, and nobody is sent to another site."""
    client = Client(enforce_csrf_checks=True)
    assert client.get(f"{SWITCH}?language=zh-hans").cookies.get("django_language") is None
    assert client.post(SWITCH, {"language": "zh-hans"}).status_code == 403
    elsewhere = Client().post(SWITCH, {"language": "zh-hans", "next": "https://elsewhere.example/"})
    assert elsewhere.headers["Location"] == "/"


@pytest.mark.parametrize(("language", "other", "name"), [("en", "zh-hans", "中文"), ("zh-hans", "en", "English")])
@pytest.mark.django_db
def test_each_page_offers_the_other_language(client: Client, language: str, other: str, name: str) -> None:
    """By its own name, marked as such for those who have the page read to them."""
    html = client.get("/?a=1&b=2", headers={"accept-language": language}).content.decode()
    assert re.search(rf'value="{other}"\s+lang="{other}"\s*>{name}</button>', html)
    assert f'value="{language}"' not in html
    assert 'name="next" value="/?a=1&amp;b=2"' in html


@pytest.mark.parametrize("path", PAGES)
def test_caches_keep_languages_apart(page: Client, path: str) -> None:
    """A page says that it depends on the cookie and on the browser's language."""
    vary = {name.strip() for name in page.get(path).headers["Vary"].split(",")}
    assert {"Accept-Language", "Cookie"} <= vary


# --- Programs


def test_errors_follow_the_language(user: User) -> None:
    """The API's message and remedy are in the language of the request; code and field stay as they are."""
    program = Program(user)
    status, error = program.refused("POST", "notifications/1/read", **CHINESE)
    assert (status, error["code"], error["field"]) == (404, "not_found", "id")
    assert error["message"] == "你没有编号为 1 的通知。"
    assert error["remedy"] == "未做任何更改，请重新获取列表。"
    program.client.cookies["django_language"] = "en"
    assert program.refused("POST", "notifications/1/read", **CHINESE)[1]["message"] == "You have no notification 1."


def test_the_buttons_errors_follow_the_language(page: Client) -> None:
    """So does what the page's own scripts are answered."""
    answer = page.post("/notifications/99/read/", headers=JSON)
    assert answer.json()["error"]["message"] == "你没有编号为 99 的通知，请刷新页面。"


def test_data_are_the_same_in_every_language(user: User) -> None:
    """What programs read has no words of a language in it: lists, counts and the description of the API."""
    notify(user, title="1", level="warning")
    program = Program(user)
    for path in ("notifications", "counts", "openapi.json"):
        assert program.send("GET", path).content == program.send("GET", path, **CHINESE).content


# --- In a host project


def test_a_host_overrides_words(tmp_path: Path, settings: Settings) -> None:
    """A catalogue in LOCALE_PATHS wins over the app's, for English too; what it leaves out stays."""
    for folder, language, text in (("en", "en", "Clear the list"), ("zh_Hans", "zh-hans", "清空")):
        source = tmp_path / folder / "LC_MESSAGES" / "django.po"
        source.parent.mkdir(parents=True)
        header = 'msgid ""\nmsgstr "Content-Type: text/plain; charset=UTF-8\\n"\n\n'
        source.write_text(f'{header}msgid "Mark all as read"\nmsgstr "{text}"\n')
        subprocess.run(["msgfmt", "-o", source.with_suffix(".mo"), source], check=True)
        settings.LOCALE_PATHS = [tmp_path]
        with translation.override(language):
            assert translation.gettext("Mark all as read") == text
            assert translation.gettext("Archive") == {"en": "Archive", "zh-hans": "归档"}[language]
