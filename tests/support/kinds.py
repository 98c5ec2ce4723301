"""One of each kind of change, as code for `Site.call()`: whatever can happen to an inbox, in one go."""

from typing import Final

__all__ = ["EVERY_KIND"]

# `user` owns the inbox. Returns its last `modseq`.
EVERY_KIND: Final = """
first = notify(user, title="first", body="a\\nb\\r\\nc", data={"n": 1})
second = notify(user, title="second", url="/notifications/", level="warning")
third = notify(user, title="third <b>", category="billing", topic="t:1", actor="Ada")
fourth = notify(user, title="fourth")
first.mark_read()
second.archive()
third.title = "third, edited"
third.save()
fourth.delete()
notify_many([user, user], title="to many")
mark_all_read(user)
first.mark_unread()
second.unarchive()
with transaction.atomic():
    notify(user, title="two at")
    notify(user, title="once")
mark_seen(user)
Inbox.objects.get(pk=user).modseq
"""
