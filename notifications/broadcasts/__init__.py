"""Broadcasts: staff write one text for many users, and a resumable worker sends it.

`models/broadcast.py` holds what was ordered, `audience.py` its users, `states.py` what may happen next, `sending.py` and
`retracting.py` work in chunks, `worker.py` and `background.py` find what is due, `progress.py` lets the orderer watch.
"""
