"""The mark of a database that was empty when the demo command came, and whose people are made up."""

from django.db import models

__all__ = ["Demonstration"]


class Demonstration(models.Model):
    """There is one row in a demonstration's database, and none anywhere else."""

    marked_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        default_permissions = ()

    def __str__(self) -> str:
        return f"Demonstration since {self.marked_at:%Y-%m-%d}"
