"""What the integration tests share: a running site with its servers and people. No browser."""

from tests.support.running_site import admin, daphne, live, other, site, unhurried, user, uvicorn

__all__ = ["admin", "daphne", "live", "other", "site", "unhurried", "user", "uvicorn"]  # fixtures, for pytest to find
