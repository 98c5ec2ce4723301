"""Taking a step: the one way in which a broadcast goes from state to state.

Guarantees that a step is a compare-and-set of one row, so of two people who take it at once one does it and the other is
told; and that it stands in the admin's history and in what followers see, in the same transaction. No worker keeps its
lease over a step.
"""

from __future__ import annotations

import threading
from typing import Any, Final

from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext as _

from ..access import audit
from ..access.history import write_entry
from ..exceptions import StepRefused
from ..log.attempts import attempt
from ..models.broadcast import Broadcast, BroadcastState, broadcasts
from .audience import users_of
from .progress import show_followers
from .states import AT_WORK, Step

__all__ = ["check_sendable", "check_times", "order_broadcast", "take_step", "work_available"]

BEGINNINGS: Final = (Step.SEND, Step.START)
REMOVALS: Final = (Step.RETRACT, Step.EXPIRE)
AUDITED: Final = {Step.CANCEL: "broadcast.cancelled", Step.RETRACT: "broadcast.retracted"}
ENDS: Final = (BroadcastState.SENT, BroadcastState.CANCELLED, BroadcastState.RETRACTED, BroadcastState.EXPIRED)

work_available: Final = threading.Event()  # there is work: a worker of this process need not wait for its next look


def order_broadcast(draft: Broadcast, *, by: Any = None) -> Broadcast:
    """Send a draft, or schedule it where it has a time to be sent at.

    What goes out is this draft: one that was edited since it was read is refused. A worker sends it, after the commit, in
    chunks that are resumed until everybody has it once.

    Args:
        draft: a saved `Broadcast` that was not sent.
        by: the user who orders it, for the history.

    Returns:
        The broadcast as it is then.

    Raises:
        ValidationError: keyed by field: a blank title, an empty or unknown audience, a time that has passed.
        StepRefused: somebody was quicker, or edited it. Nothing was sent by this call.
    """
    check_sendable(draft)
    step = Step.SEND if draft.send_at is None else Step.SCHEDULE
    orderer = getattr(by, "pk", None)
    return take_step(draft, step, by=by, only=Q(revision=draft.revision), ordered_by_id=orderer)


def check_sendable(draft: Broadcast) -> None:
    """Refuse what cannot be sent as it is now. Raises what `order_broadcast()` raises."""
    draft.full_clean(exclude={field.name for field in draft._meta.fields if not field.editable})
    check_times(draft)
    if not users_of(draft.addressed).exists():
        text = _("This audience has no active users, so nothing would be sent; choose another.")
        raise ValidationError({"audience": ValidationError(text, code="empty")})


def check_times(draft: Broadcast) -> None:
    """Refuse times that have passed, and an end before the beginning."""
    now = timezone.now()
    if draft.send_at is not None and draft.send_at <= now:
        raise build_too_early(
            "send_at", draft.send_at, _("%(time)s has passed; choose a later time, or leave it empty to send at once.")
        )
    if draft.is_expired(now):
        raise build_too_early(
            "expires_at", draft.expires_at, _("%(time)s has passed; choose a later time, or leave it empty to keep it.")
        )
    if draft.send_at is not None and draft.is_expired(draft.send_at):
        text = _("%(time)s is before the time of sending; choose a later time, or leave it empty to keep it.")
        raise build_too_early("expires_at", draft.expires_at, text)


def build_too_early(field: str, moment: Any, text: str) -> ValidationError:
    local = timezone.localtime(moment) if timezone.is_aware(moment) else moment
    shown = local.strftime("%Y-%m-%d %H:%M")
    return ValidationError({field: ValidationError(text, code="past", params={"time": shown})})


def take_step(broadcast: Broadcast, step: Step, *, by: Any = None, only: Q | None = None, **values: Any) -> Broadcast:
    """Take a step of a broadcast: pause, resume, cancel, retract. 4 queries, and 7 more where somebody follows it.

    One UPDATE decides: of two who take a step at once one does it. Tried again after a conflict where no transaction
    is open.

    Args:
        broadcast: which one; its state is read anew.
        step: what to do.
        by: the user who takes it; history names who ordered the broadcast where it is a worker.
        only: what must hold besides the state.
        values: further columns to set.

    Returns:
        The broadcast as it is then.

    Raises:
        StepRefused: it is in another state meanwhile, or `only` does not hold. Nothing was changed.
    """
    transition = step.value
    now = timezone.now()
    values = {"state": transition.target, "worker": "", "leased_until": None, "problem": "", **values}
    if step in BEGINNINGS:
        values["started_at"] = now
    if step in REMOVALS:
        values |= {"cursor": "", "busy_seconds": 0.0, "finished_at": None}
    if transition.target in ENDS:
        values["finished_at"] = now
    return attempt(broadcasts().db, lambda: take_step_once(broadcast, step, by, only or Q(), values))


def take_step_once(broadcast: Broadcast, step: Step, by: Any, only: Q, values: dict[str, Any]) -> Broadcast:
    """Take a step in a transaction, with these columns. Raises as `take_step()` does."""
    transition, rows = step.value, broadcasts()
    with transaction.atomic(using=rows.db):
        if not rows.filter(only, pk=broadcast.pk, state__in=transition.sources).update(**values):
            raise build_refusal(broadcast, step)
        taken: Broadcast = rows.get(pk=broadcast.pk)
        who = getattr(by, "pk", taken.ordered_by_id)
        write_entry(taken, user_id=who, text=str(values["problem"] or transition.history))
        show_followers(taken, by=by)
        if step in AUDITED:
            transaction.on_commit(lambda: audit_step(taken, step, by), using=rows.db, robust=True)
        if transition.target in AT_WORK:
            transaction.on_commit(work_available.set, using=rows.db, robust=True)
    return taken


def audit_step(broadcast: Broadcast, step: Step, by: Any) -> None:
    """Write into the security log what was taken from readers."""
    audit.record(AUDITED[step], broadcast=broadcast.pk, by=getattr(by, "pk", None))


def build_refusal(broadcast: Broadcast, step: Step) -> StepRefused:
    """Return why a step was not taken, for whoever asked."""
    there = broadcasts().filter(pk=broadcast.pk).first()
    if there is None:
        return StepRefused(_("“%(title)s” has been deleted.") % {"title": broadcast.title})
    params = {"title": there.title, "state": there.get_state_display().lower()}
    if there.state in step.value.sources:
        return StepRefused(
            _("“%(title)s” was edited after you reviewed it, so it was not sent. Review it again.") % params
        )
    if there.ordered_by is not None and step in (Step.SEND, Step.SCHEDULE):
        params["person"] = str(there.ordered_by)
        return StepRefused(_("%(person)s acted first: “%(title)s” is now %(state)s. Nothing was sent twice.") % params)
    return StepRefused(_("“%(title)s” is now %(state)s, so nothing was changed.") % params)
