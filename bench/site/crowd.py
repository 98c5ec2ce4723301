"""Fill the measured PostgreSQL with users and their inboxes, in two statements: a million take some twenty seconds.

python -m bench.site.crowd 1000000
"""

from __future__ import annotations

import sys

import django

USERS = """
INSERT INTO auth_user (password, is_superuser, username, first_name, last_name, email, is_staff, is_active, date_joined)
SELECT '!bench', false, 'crowd' || number, '', '', '', false, true, now()
FROM generate_series((SELECT count(*) FROM auth_user) + 1, %s) AS number
"""
INBOXES = """
INSERT INTO live_notifications_inbox (user_id, epoch, modseq, floor, unread, unseen, seen_upto)
SELECT id, 1 + floor(random() * 281474976710655)::bigint, 1, 1, 0, 0, 0 FROM auth_user
ON CONFLICT DO NOTHING
"""


def main() -> None:
    """Add what is missing of so many users."""
    from django.db import connection

    with connection.cursor() as cursor:
        cursor.execute(USERS, [int(sys.argv[1])])
        cursor.execute(INBOXES)
        cursor.execute("VACUUM ANALYZE")


if __name__ == "__main__":
    django.setup()
    main()
