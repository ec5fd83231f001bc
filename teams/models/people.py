"""Who works here: users, teams and what a member may do."""

from typing import ClassVar

from django.contrib.auth.models import AbstractUser
from django.db import models


class User(AbstractUser):
    """A person. `is_superuser` makes an admin; everything else follows from memberships."""

    must_change_password = models.BooleanField(
        default=False, help_text="Set while the password is one that somebody else knows."
    )

    @property
    def display_name(self) -> str:
        """The full name where there is one, else the user name."""
        return self.get_full_name() or self.username

    @property
    def is_admin(self) -> bool:
        """True for the people who connect clusters and see every team."""
        return self.is_active and self.is_superuser


class Team(models.Model):
    """People who share jobs. Every job belongs to one team."""

    name = models.CharField(max_length=80, unique=True)
    slug = models.SlugField(max_length=40, unique=True)
    shares_quota = models.BooleanField(
        default=False,
        help_text="What it does not use may be used by other teams that share, and the other way round.",
    )
    members: "models.ManyToManyField[User, Membership]" = models.ManyToManyField(
        User, through="Membership", related_name="teams"
    )

    class Meta:
        ordering: ClassVar = ["name"]

    def __str__(self) -> str:
        return self.name


class Role(models.TextChoices):
    """What a member may do in the team: managers also cancel and delete their members' jobs."""

    ANALYST = "analyst", "Analyst"
    MANAGER = "manager", "Team manager"


class Membership(models.Model):
    """A user in a team."""

    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="memberships")
    team = models.ForeignKey(Team, on_delete=models.CASCADE, related_name="memberships")
    role = models.CharField(max_length=10, choices=Role.choices, default=Role.ANALYST)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["user", "team"], name="membership_once"),
            models.CheckConstraint(condition=models.Q(role__in=Role.values), name="membership_role_known"),
        ]

    def __str__(self) -> str:
        return f"{self.user} in {self.team} as {self.role}"
