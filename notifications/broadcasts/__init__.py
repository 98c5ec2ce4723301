"""Staff say once what many shall be told; a resumable job tells them.

`models/__init__.py` holds what was ordered, `audience.py` says to whom, `states.py` what may happen next, `sending.py` and
`retracting.py` work in chunks, `worker.py` and `background.py` find what is due, `progress.py` lets the orderer watch.
"""
