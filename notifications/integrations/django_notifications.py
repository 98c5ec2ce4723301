"""Rows of django-notifications, as they stand in its own table: read, mapped to ours, marked as brought over.

Receives that package's table (django-notifications-hq or -community). Guarantees that a row is brought over once: it is
marked in the transaction that writes ours, with ours' key in a column `imported_as`. Nothing else of the table is changed.

    {"level": "success", "actor": Ada, "verb": "shared", "action_object": "Team", "target": "uri", "unread": true, …}
    → title "Ada shared Team on uri", actor "Ada", topic "auth.user:3", level "success", …
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any, Final

from django.apps.registry import Apps
from django.contrib.auth import get_user_model
from django.contrib.contenttypes.models import ContentType
from django.core.exceptions import ValidationError
from django.db import connections, models

from .. import log
from ..models import Level, Notification
from ..models.validators import DATA_MAX_BYTES, followable

__all__ = ["MARK", "THEIRS", "Outcome", "add_mark", "bring_over", "build_old_model", "read_columns"]

THEIRS: Final = "notifications_notification"
MARK: Final = "imported_as"
TITLE_CHARS: Final = 200
BODY_CHARS: Final = 4000
ACTOR_CHARS: Final = 150
TOPIC_CHARS: Final = 200
# What PostgreSQL or UTF-8 cannot hold; no database of theirs should, but SQLite lets it in.
UNFIT: Final = re.compile("[\0\ud800-\udfff]")

Reference = tuple[int, str]  # content type and key of an object


@dataclass(frozen=True, slots=True)
class Thing:
    """An object that a row speaks of, as it is now; a deleted one has no name."""

    name: str = ""
    topic: str = ""
    url: str = ""


@dataclass(slots=True)
class Outcome:
    """What became of rows: how many came over, in which nothing of any length fitted, and which could not be."""

    imported: int = 0
    shortened: int = 0
    refused: dict[int, str] = field(default_factory=dict)  # their key → why
    users: set[Any] = field(default_factory=set)


# --- their table


def read_columns(table: str, *, using: str) -> set[str]:
    """Return the names of a table's columns; none where there is no such table."""
    connection = connections[using]
    with connection.cursor() as cursor:
        if table not in connection.introspection.table_names(cursor):
            return set()
        return {column.name for column in connection.introspection.get_table_description(cursor, table)}


def add_mark(table: str, *, using: str) -> None:
    """Add the column that says which rows came over, where it is missing."""
    if MARK not in read_columns(table, using=using):
        connection = connections[using]
        name = connection.ops.quote_name
        with connection.cursor() as cursor:
            cursor.execute(f"ALTER TABLE {name(table)} ADD COLUMN {name(MARK)} bigint NULL")


@lru_cache
def build_old_model(table: str) -> type[models.Model]:
    """Return a model of their table. In a registry of its own, so that Django takes it for nobody's app."""
    key = get_user_model()._meta.pk
    kinds = {models.IntegerField: models.BigIntegerField, models.UUIDField: models.UUIDField}
    kind = next((ours for theirs, ours in kinds.items() if isinstance(key, theirs)), models.TextField)

    class Meta:
        apps = Apps()
        app_label = "django_notifications"
        db_table = table

    plain: dict[str, models.Field[Any, Any]] = {
        "id": models.BigAutoField(primary_key=True),
        "recipient": kind(db_column="recipient_id"),
        "level": models.CharField(max_length=20),
        "unread": models.BooleanField(),
        "verb": models.CharField(max_length=255),
        "description": models.TextField(null=True),
        "timestamp": models.DateTimeField(),
        "public": models.BooleanField(),
        "deleted": models.BooleanField(),
        "emailed": models.BooleanField(),
        "data": models.TextField(null=True),
        MARK: models.BigIntegerField(null=True),
    }
    for role in ("actor", "target", "action_object"):
        plain[f"{role}_content_type_id"] = models.BigIntegerField(null=True)
        plain[f"{role}_object_id"] = models.CharField(max_length=255, null=True)
    return type("OldNotification", (models.Model,), {"__module__": __name__, "Meta": Meta, **plain})


# --- theirs become ours


def bring_over(rows: Sequence[Any], *, using: str, is_dry: bool = False) -> Outcome:
    """Write rows of theirs as ours and mark them, in the caller's transaction; or only try, where `is_dry`."""
    things = find_things({ref for row in rows for ref in read_references(row)})
    outcome = Outcome()
    fitting: list[tuple[Any, Notification]] = []
    for row in rows:
        notification, is_shortened = convert_row(row, things)
        try:
            log.validate(notification)
        except ValidationError as error:
            outcome.refused[row.id] = "; ".join(error.messages)
            continue
        fitting.append((row, notification))
        outcome.shortened += is_shortened
        outcome.users.add(notification.recipient_id)
    outcome.imported = len(fitting)
    if fitting and not is_dry:
        log.append_valid([notification for _row, notification in fitting], using=using)
        for row, notification in fitting:
            setattr(row, MARK, notification.pk)
        type(rows[0])._default_manager.using(using).bulk_update([row for row, _ in fitting], [MARK], batch_size=200)
    return outcome


def convert_row(row: Any, things: dict[Reference, Thing]) -> tuple[Notification, bool]:
    """Return our unsaved notification for a row of theirs, and whether something of it did not fit."""
    actor, target, done_to = (things.get(ref, Thing()) for ref in read_references(row))
    sentence = clean(" ".join(filter(None, build_words(actor, row.verb, done_to, target))))
    body = clean(row.description or "")
    is_long = len(sentence) > TITLE_CHARS
    if is_long:
        body = f"{sentence}\n\n{body}".strip()
    data, has_lost_data = build_data(row)
    links = (target.url, data.get("url"), done_to.url)
    topic = target.topic or done_to.topic
    notification = Notification(
        recipient_id=row.recipient,
        title=cut(sentence, TITLE_CHARS),
        body=cut(body, BODY_CHARS),
        actor=cut(clean(actor.name), ACTOR_CHARS),
        level=row.level if row.level in Level.values else Level.INFO,
        url=next((link for link in links if isinstance(link, str) and link and followable(link)), ""),
        topic=topic if len(topic) <= TOPIC_CHARS else "",
        data=data,
        created_at=row.timestamp,
        read_at=None if row.unread and not row.deleted else row.timestamp,  # when it was read, nobody noted
        archived_at=row.timestamp if row.deleted else None,
    )
    return notification, is_long or len(body) > BODY_CHARS or has_lost_data


def build_words(actor: Thing, verb: str, done_to: Thing, target: Thing) -> list[str]:
    """Return the words of the sentence that their `__str__()` makes, without "3 days ago"."""
    if done_to.name and target.name:
        return [actor.name, verb, done_to.name, "on", target.name]
    return [actor.name, verb, done_to.name, target.name]


def build_data(row: Any) -> tuple[dict[str, Any], bool]:
    """Return their data with what else they had and we have no field for; and whether theirs was too large."""
    value: Any = row.data
    for _ in range(2):  # their own JSON field has written it as JSON in JSON
        if isinstance(value, str):
            try:
                value = json.loads(value)
            except ValueError:
                break
    theirs = value if isinstance(value, dict) else {} if value is None else {"value": value}
    kept = {"id": row.id, "verb": clean(row.verb), "public": row.public, "emailed": row.emailed}
    data = {**theirs, "django_notifications": kept}
    if UNFIT.search(text := json.dumps(data, ensure_ascii=False)) or len(text.encode()) > DATA_MAX_BYTES:
        return {"django_notifications": kept}, True
    return data, False


def read_references(row: Any) -> list[Reference]:
    """Return whom or what a row speaks of: actor, target, action object."""
    return [
        (getattr(row, f"{role}_content_type_id") or 0, getattr(row, f"{role}_object_id") or "")
        for role in ("actor", "target", "action_object")
    ]


def find_things(references: Iterable[Reference]) -> dict[Reference, Thing]:
    """Return what there still is of these objects. 1 query for each of their models."""
    keys: dict[int, set[str]] = {}
    for content_type_id, key in references:
        keys.setdefault(content_type_id, set()).add(key)
    found: dict[Reference, Thing] = {}
    for content_type in ContentType.objects.filter(pk__in=keys):
        model = content_type.model_class()
        if model is None:  # its app has gone
            continue
        wanted = {typed: key for key in keys[content_type.pk] if (typed := parse_key(model, key)) is not None}
        for typed, thing in model._base_manager.in_bulk(list(wanted)).items():
            topic = f"{model._meta.label_lower}:{typed}"
            found[content_type.pk, wanted[typed]] = Thing(str(thing), topic, find_url(thing))
    return found


def parse_key(model: type[models.Model], key: str) -> Any:
    """Return a key as its model has it, or None for what cannot be one."""
    try:
        return model._meta.pk.to_python(key)
    except (ValidationError, ValueError):
        return None


def find_url(thing: Any) -> str:
    """Return where an object is shown; "" where it cannot tell."""
    try:
        return followable(str(thing.get_absolute_url()))
    except Exception:  # none has to have one, and the site's own may fail on old rows
        return ""


def clean(text: str) -> str:
    """Return text without what a database cannot hold."""
    return UNFIT.sub("", text).strip()


def cut(text: str, most: int) -> str:
    """Return at most so many characters, the last of them "…" where there were more."""
    return text if len(text) <= most else f"{text[: most - 1]}…"
