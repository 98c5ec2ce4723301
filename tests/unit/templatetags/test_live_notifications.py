"""The bell in any template of a site."""

import re
from typing import Any

import pytest
from django.contrib.auth.models import AnonymousUser, User
from django.template import Context, Template
from django.test import RequestFactory
from pytest_django import DjangoAssertNumQueries

from notifications import notify
from notifications.log.replay import inbox_of
from notifications.templatetags.live_notifications import followable


def bell(user: Any, **context: Any) -> str:
    """Render the bell as a page of this user does."""
    request = RequestFactory().get("/")
    request.user = user
    return Template("{% load live_notifications %}{% notification_bell %}").render(
        Context({"request": request, **context})
    )


def test_count_is_in_badge_and_name(user: User, other_user: User) -> None:
    """The badge and the link's name carry the user's count, and another user's bell none of it."""
    notify(user, title="One")
    notify(user, title="Two")
    mine, theirs = bell(user), bell(other_user)
    assert 'aria-label="Notifications, 2 unread"' in mine
    assert 'aria-hidden="true">2</span>' in mine
    assert 'aria-label="Notifications, none unread"' in theirs
    assert 'aria-hidden="true"></span>' in theirs  # a style hides what is empty


def test_position_is_where_the_user_stands(user: User) -> None:
    """The script starts from the position of the page and from the address of the stream."""
    html = bell(user)
    assert f'data-position="{inbox_of(user).position}"' in html
    assert 'data-stream-url="/notifications/stream/"' in html


def test_more_than_99_are_cut(user: User) -> None:
    """The badge ends at 99+; the name and the script get the whole count."""
    inbox = inbox_of(user)
    inbox.unread = 1200
    html = bell(user, notification_inbox=inbox)
    assert ">99+</span>" in html
    assert 'aria-label="Notifications, 1200 unread"' in html
    assert 'data-unread="1200"' in html


def test_costs_one_query(user: User, django_assert_num_queries: DjangoAssertNumQueries) -> None:
    """A bell reads one row, and none where the page has read it already."""
    inbox = inbox_of(user)
    with django_assert_num_queries(1):
        bell(user)
    with django_assert_num_queries(0):
        bell(user, notification_inbox=inbox)


def test_the_page_knows_the_newest(
    user: User, other_user: User, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    """Toasts are for ids above the highest one that the reader had, archived or not; another user's do not count."""
    assert 'data-newest="0"' in bell(user)
    notify(user, title="One")
    newest = notify(user, title="Archived")
    newest.archive()
    notify(other_user, title="Theirs")
    with django_assert_num_queries(1):
        assert f'data-newest="{newest.pk}"' in bell(user)


def test_the_page_says_whose_it_is(user: User, other_user: User) -> None:
    """Bell and toasts carry the reader's tag, which is the same on each of their pages and nobody else's."""
    tags = [set(re.findall(r'data-reader="([^"]+)"', bell(reader))) for reader in (user, user, other_user)]
    assert [len(each) for each in tags] == [1, 1, 1]
    assert tags[0] == tags[1] != tags[2]


@pytest.mark.django_db
def test_nobody_has_no_bell(django_assert_num_queries: DjangoAssertNumQueries) -> None:
    """Anonymous users see no bell, load no script and cost no query."""
    with django_assert_num_queries(0):
        assert bell(AnonymousUser()).strip() == ""


def test_template_without_request_has_no_bell() -> None:
    """A page that is rendered without a request, such as an error page, has no bell and does not break."""
    assert Template("{% load live_notifications %}{% notification_bell %}").render(Context()).strip() == ""


def test_bell_fits_a_strict_policy(user: User) -> None:
    """The bell holds no inline script, style or handler."""
    html = bell(user)
    assert html.count("<script") == html.count('<script type="module" src="/static/notifications/index.js"></script>')
    assert "style=" not in html
    assert not re.search(r"\son[a-z]+\s*=", html)


def test_bell_opens_a_panel_that_is_fetched_when_wanted(user: User) -> None:
    """The bell holds an empty popover and the address of its content; without the script it is a link."""
    html = bell(user)
    assert re.search(r'<a\s+class="notification-bell"\s+href="/notifications/"', html)
    assert 'data-panel-url="/notifications/?part=panel"' in html
    assert re.search(r'<div\s+class="notification-panel"\s+popover\s', html)
    assert 'class="notification-item"' not in html


# --- A subject's page


def visit(user: Any, topic: str, method: str = "get", **headers: str) -> str:
    """Render a subject's page as this user visits it."""
    request = getattr(RequestFactory(), method)("/", headers=headers)
    request.user = user
    page = Template("{% load live_notifications %}{% mark_topic_read topic %}{% notification_bell %}")
    return page.render(Context({"request": request, "topic": topic}))


def test_visiting_a_subject_marks_it_as_read(user: User, other_user: User) -> None:
    """What is about the subject is read, of this user only, and the bell after the tag knows it."""
    for reader in (user, other_user):
        for topic in ("reports.report:42", "reports.report:42", "reports.report:7", ""):
            notify(reader, title="One", topic=topic)
    assert 'data-unread="2"' in visit(user, "reports.report:42")
    assert inbox_of(other_user).unread == 4


def test_what_is_no_visit_marks_nothing(user: User) -> None:
    """A page that is posted to, asked for by its head only, or fetched in advance was not looked at."""
    notify(user, title="One", topic="t")
    visit(user, "")
    visit(user, "t", "post")
    visit(user, "t", "head")
    visit(user, "t", **{"Sec-Purpose": "prefetch;prerender"})
    Template("{% load live_notifications %}{% mark_topic_read 't' %}").render(Context())
    assert inbox_of(user).unread == 1


def test_a_visit_with_nothing_unread_costs_one_query(
    user: User, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    """One query by the index on topics, and none for nobody or for no topic."""
    notify(user, title="One", topic="t").mark_read()
    inbox = inbox_of(user)
    page = Template("{% load live_notifications %}{% mark_topic_read topic %}")
    for reader, topic, queries in ((user, "t", 1), (user, "", 0), (AnonymousUser(), "t", 0)):
        request = RequestFactory().get("/")
        request.user = reader
        with django_assert_num_queries(queries):
            assert page.render(Context({"request": request, "topic": topic})) == ""
    assert inbox_of(user).modseq == inbox.modseq


@pytest.mark.parametrize("url", ["/", "/a?b#c", "http://a.example/", "https://a.example"])
def test_links_to_here_and_the_web_are_followable(url: str) -> None:
    """Links on this site and to the web stay as they are."""
    assert followable(url) == url


@pytest.mark.parametrize("url", ["", "a", "//a.example", "/\\a.example", "javascript:alert(1)", "data:text/html,x"])
def test_other_links_are_not_followable(url: str) -> None:
    """What a fixture may have put into the row and no link may hold becomes nothing."""
    assert followable(url) == ""


@pytest.mark.parametrize("url", ["", "/orders/7/", "https://example.com/", "javascript:alert(1)"])
def test_every_title_leads_somewhere(user: User, url: str) -> None:
    """To the notification's own link, and where there is none that may be followed, to its page."""
    row = notify(user, title="One")
    row.url = url
    html = Template("{% load live_notifications %}{{ row|address }}").render(Context({"row": row}))
    assert html == (url if url and not url.startswith("java") else f"/notifications/{row.pk}/")
