"""Remember requests by the key that their sender gave them, so that a repeated one is not carried out twice.

Guarantees, for 24 hours, that one key means one request: the same one gets the same answer, another one is refused. The row
is written in the transaction of what it stands for, so the two are there together or not at all; a second request that
comes meanwhile waits for the first one's end.
"""

from __future__ import annotations

import datetime as dt
from typing import Any, Final

from django.db import connections, router
from django.utils import timezone

from ..exceptions import NotificationsError
from ..models.request import SentRequest

__all__ = ["KEPT_FOR", "KeyReused", "claim_key"]

KEPT_FOR: Final = dt.timedelta(hours=24)
MAX_FORGOTTEN: Final = 100  # old rows deleted with each request


class KeyReused(NotificationsError, ValueError):
    """A key came again with another request."""


def claim_key(user: Any, key: str, digest: str) -> tuple[SentRequest, bool]:
    """Return the row of a key, and whether it is new: then what it stands for is to be done now.

    Call it in the transaction of what is done, and save `status` and `answer` there. 5 queries.

    Raises:
        KeyReused: the key stands for another request.
    """
    using = router.db_for_write(SentRequest)
    rows = SentRequest._default_manager.using(using)
    may_skip = connections[using].features.has_select_for_update_skip_locked
    old = rows.filter(created_at__lt=timezone.now() - KEPT_FOR).select_for_update(skip_locked=may_skip)
    forgotten = list(old.values_list("pk", flat=True)[:MAX_FORGOTTEN])
    if forgotten:
        rows.filter(pk__in=forgotten).delete()
    # this one is asked for now: it must not wait for its turn
    rows.filter(user_id=user.pk, key=key, created_at__lt=timezone.now() - KEPT_FOR).delete()
    row, is_new = rows.get_or_create(user_id=user.pk, key=key, defaults={"digest": digest})
    if row.digest != digest:
        raise KeyReused(f"The key {key!r} was sent with another request within 24 hours; give each request its own.")
    return row, is_new
