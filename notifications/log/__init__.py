"""The log of each inbox: the only writer of `modseq`, and its readers.

`writes.py` holds what may happen to notifications; everything that changes one goes through it. `replay.py` reads what
changed after a position; `doorbell.py` rings after commit.
"""

from .locks import lock_inbox
from .writes import (
    amend,
    amend_each,
    append,
    append_copies,
    append_valid,
    archive,
    clean_values,
    insert,
    mark_all_read,
    mark_seen,
    mark_topic_read,
    remove,
    save_row,
    validate,
)

__all__ = [
    "amend",
    "amend_each",
    "append",
    "append_copies",
    "append_valid",
    "archive",
    "clean_values",
    "insert",
    "lock_inbox",
    "mark_all_read",
    "mark_seen",
    "mark_topic_read",
    "remove",
    "save_row",
    "validate",
]
