"""Authentication backends of imaginary sites, for the tests of who may follow a stream."""

from __future__ import annotations

from typing import Any

from django.contrib.auth.backends import ModelBackend
from django.contrib.auth.models import User

__all__ = ["EvenInactive", "FailsForOne", "NobodyCalledBlocked"]


class EvenInactive(ModelBackend):
    """Lets inactive users in; `get_user()` is `ModelBackend`'s own."""

    def user_can_authenticate(self, _user: Any) -> bool:
        return True


class NobodyCalledBlocked:
    """A backend of its own make, that shares nothing with `ModelBackend`."""

    def get_user(self, user_id: Any) -> User | None:
        return User.objects.filter(pk=user_id).exclude(username="blocked").first()


class FailsForOne:
    """A backend whose directory cannot answer for one user."""

    def get_user(self, user_id: Any) -> User | None:
        user = User.objects.filter(pk=user_id).first()
        if user is not None and user.username == "user2":
            raise RuntimeError("The directory did not answer.")
        return user
