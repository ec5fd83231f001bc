"""Links with which a person sets a password: the first one, or a new one."""

from datetime import timedelta
from typing import ClassVar

from django.db import models
from django.db.models.functions import Now
from django.utils import timezone

from teams.models.people import User

LIFETIME = timedelta(days=7)


class Invitation(models.Model):
    """A link that opens an account once. Only the SHA-256 of its token is kept: nobody can read the link here."""

    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="invitations")
    invited_by = models.ForeignKey(User, on_delete=models.SET_NULL, null=True, related_name="+")
    token_sha256 = models.CharField(max_length=64, unique=True)
    created_at = models.DateTimeField(db_default=Now(), editable=False)
    expires_at = models.DateTimeField()
    used_at = models.DateTimeField(null=True)
    revoked_at = models.DateTimeField(null=True)

    class Meta:
        constraints: ClassVar = [
            # A newer link takes the older one's place: there is one that works, or none.
            models.UniqueConstraint(
                fields=["user"],
                name="invitation_one_open",
                condition=models.Q(used_at__isnull=True, revoked_at__isnull=True),
            ),
        ]

    def __str__(self) -> str:
        return f"invitation of {self.user}"

    @property
    def is_open(self) -> bool:
        """True while the link works."""
        return self.used_at is None and self.revoked_at is None and self.expires_at > timezone.now()
