"""A site overrides one block of a template and keeps the rest, whichever template it is."""

from __future__ import annotations

import re
from copy import deepcopy
from pathlib import Path
from typing import Any, Final

import pytest
from django.conf import settings as django_settings
from django.contrib.auth.models import User
from django.test import Client, override_settings

import notifications
from notifications import notify

FOLDER: Final = Path(notifications.__file__).parent / "templates" / "live_notifications"
GUIDE: Final = (Path(notifications.__file__).parents[1] / "docs" / "howto" / "appearance.md").read_text()
BLOCK: Final = re.compile(r"{% block (\w+) %}")
# Attributes, and a frame without anything: nothing to override but the whole.
WHOLE: Final = {"_live.html", "_part.html"}
TEMPLATES: Final = sorted(path.name for path in FOLDER.glob("*.html") if path.name not in WHOLE)


def with_site_templates(files: dict[str, str]) -> Any:
    """Return settings of a site that has these templates before the app's."""
    engines = deepcopy(django_settings.TEMPLATES)
    engines[0]["APP_DIRS"] = False
    engines[0]["OPTIONS"]["loaders"] = [
        ("django.template.loaders.locmem.Loader", {f"live_notifications/{name}": text for name, text in files.items()}),
        ("django.template.loaders.filesystem.Loader", [django_settings.BASE_DIR / "templates"]),
        "django.template.loaders.app_directories.Loader",
    ]
    return override_settings(TEMPLATES=engines)


@pytest.mark.parametrize("name", TEMPLATES)
def test_each_template_has_blocks_and_the_guide_names_them(name: str) -> None:
    """Nobody has to copy a template to change a part of it."""
    blocks = set(BLOCK.findall((FOLDER / name).read_text()))
    assert blocks
    row = next(line for line in GUIDE.splitlines() if line.startswith(f"| `{name}` |"))
    if name != "panel.html":  # it has those of the centre
        assert set(re.findall(r"`(\w+)`", row)) >= blocks


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("name", "block", "path", "times"),
    [
        ("centre.html", "notification_heading", "/notifications/", 1),
        ("centre.html", "notification_tabs", "/notifications/?part=panel", 1),
        ("_item.html", "notification_item_time", "/notifications/", 3),  # two items, and what the script clones
        ("_avatar.html", "notification_avatar_glyph", "/notifications/", 4),  # and what a toast is made of
        ("_day.html", "notification_day_name", "/notifications/", 2),
        ("_detail.html", "notification_detail_meta", "/notifications/{pk}/", 1),
        ("bell.html", "notification_bell_icon", "/", 1),
        ("_toasts.html", "notification_toast_actions", "/", 1),
        ("_settings.html", "notification_settings_more", "/notifications/", 1),
        ("tokens.html", "notification_tokens_header", "/notifications/tokens/", 1),
    ],
)
def test_one_block_is_overridden(client: Client, user: User, name: str, block: str, path: str, times: int) -> None:
    """It shows the site's words wherever the template is used, and the rest of the template as it was."""
    rows = [notify(user, title=title) for title in ("One", "Two")]
    client.force_login(user)
    own = f'{{% extends "live_notifications/{name}" %}}{{% block {block} %}}MINE {{{{ block.super }}}}{{% endblock %}}'
    path = path.format(pk=rows[0].pk)
    plain = client.get(path).content.decode()
    with with_site_templates({name: own}):
        html = client.get(path).content.decode()
    assert html.count("MINE ") == times
    assert without_tokens(html.replace("MINE ", "")) == without_tokens(plain)


def without_tokens(html: str) -> str:
    """Return a page without what is another in each answer: tokens, and the time in what the script clones."""
    return re.sub(r'name="csrfmiddlewaretoken" value="\w+"|nonce="[^"]+"|datetime="[^"]+"', "", html)
