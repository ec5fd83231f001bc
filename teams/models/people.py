"""Who works here: users, teams and what a member may do."""

from typing import Any, ClassVar

from django.contrib.auth.models import AbstractUser
from django.contrib.postgres.indexes import GinIndex, OpClass
from django.core.exceptions import ValidationError
from django.db import models
from django.db.models.functions import Concat, Upper
from django.urls import reverse
from django.utils.crypto import salted_hmac

NO_AUDITORS = "An auditor cannot be in a team: auditors see everything and change nothing."
_SPACE = models.Value(" ", output_field=models.TextField())
SEARCHED = ("username", _SPACE, "first_name", _SPACE, "last_name", _SPACE, "email")


class User(AbstractUser):
    """A person. `is_superuser` makes an admin, `is_auditor` an auditor; everything else follows from memberships."""

    must_change_password = models.BooleanField(
        default=False, help_text="Set while the password is one that somebody else knows."
    )
    is_auditor = models.BooleanField(default=False, help_text="Sees everything and changes nothing.")
    session_epoch = models.PositiveIntegerField(
        default=0,
        editable=False,
        help_text="Sessions of an earlier epoch are over: counted up, all end at once.",
    )
    # What a search looks through; written by the database.
    search_text = models.GeneratedField(
        expression=Upper(Concat(*SEARCHED, output_field=models.TextField())),
        output_field=models.TextField(),
        db_persist=True,
    )

    class Meta(AbstractUser.Meta):
        constraints: ClassVar = [
            models.CheckConstraint(
                condition=models.Q(is_superuser=False) | models.Q(is_auditor=False),
                name="user_admin_or_auditor",
            ),
        ]
        indexes: ClassVar = [
            GinIndex(OpClass("search_text", name="gin_trgm_ops"), name="user_by_text"),
            # The few that a filter of the people's page looks for, in the order of the page.
            *(
                models.Index(fields=["username"], name=name, condition=condition)
                for name, condition in [
                    ("user_disabled", models.Q(is_active=False)),
                    ("user_admins", models.Q(is_superuser=True)),
                    ("user_auditors", models.Q(is_auditor=True)),
                ]
            ),
        ]

    def get_absolute_url(self) -> str:
        """The page of the person; for those who read everything."""
        return reverse("person_detail", args=[self.pk])

    @property
    def display_name(self) -> str:
        """The full name where there is one, else the user name."""
        return self.get_full_name() or self.username

    @property
    def is_invited(self) -> bool:
        """True until the person has set a password for the first time."""
        return not self.has_usable_password()

    def _get_session_auth_hash(self, secret: Any = None) -> str:
        """Django's, which ends sessions with their password, and the epoch, which ends them without a new one.

        In the first epoch it is Django's to the letter: an upgrade signs nobody out.
        """
        value = f"{self.password}:{self.session_epoch}" if self.session_epoch else self.password
        salt = "django.contrib.auth.models.AbstractBaseUser.get_session_auth_hash"
        return salted_hmac(salt, value, secret=secret, algorithm="sha256").hexdigest()


class Team(models.Model):
    """People who share jobs. Every job belongs to one team."""

    name = models.CharField(max_length=80, unique=True)
    slug = models.SlugField(max_length=40, unique=True)
    shares_quota = models.BooleanField(
        default=False,
        db_default=False,
        help_text="What it does not use may be used by other teams that share, and the other way round.",
    )
    most_high_jobs = models.PositiveSmallIntegerField(
        default=5, db_default=5, help_text="So many high-priority jobs may wait or run at the same time."
    )
    budget_grace_minutes = models.PositiveIntegerField(
        null=True,
        blank=True,
        help_text="When a month's budget is used up, running jobs are asked to stop after so long; null: never.",
    )
    disabled_at = models.DateTimeField(
        null=True, blank=True, editable=False, help_text="Since then nothing new is sent or started."
    )
    members: "models.ManyToManyField[User, Membership]" = models.ManyToManyField(
        User, through="Membership", related_name="teams"
    )

    class Meta:
        ordering: ClassVar = ["name"]
        indexes: ClassVar = [GinIndex(OpClass(Upper("name"), name="gin_trgm_ops"), name="team_by_text")]

    def __str__(self) -> str:
        return self.name

    def get_absolute_url(self) -> str:
        """The team's page."""
        return reverse("team_detail", args=[self.slug])

    @property
    def is_disabled(self) -> bool:
        """True while nothing new is sent to it and nothing of it starts."""
        return self.disabled_at is not None


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

    def clean(self) -> None:
        """Called by forms. Raises ValidationError for an auditor."""
        if self.user_id and self.user.is_auditor:
            raise ValidationError(NO_AUDITORS)
