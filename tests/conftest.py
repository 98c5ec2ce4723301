"""What all tests share: two users, because whatever happens to one must never show at the other."""

import hypothesis
import pytest
from django.contrib.auth.models import User

# A busy machine is no defect: what takes long is measured in bench/.
hypothesis.settings.register_profile("site", deadline=None)
hypothesis.settings.load_profile("site")


@pytest.fixture
def user(db: None) -> User:
    """The user a test is about."""
    return User.objects.create_user("user1", "user1@example.com", "demo")


@pytest.fixture
def other_user(db: None) -> User:
    """The user who must see nothing of it."""
    return User.objects.create_user("user2", "user2@example.com", "demo")
