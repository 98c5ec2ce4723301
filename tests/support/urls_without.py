"""A host project that forgot the URLs."""

from typing import Any

urlpatterns: list[Any] = []
