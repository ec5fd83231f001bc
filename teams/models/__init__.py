"""Who works here, and how much they may use."""

from teams.models.invitations import Invitation
from teams.models.people import NO_AUDITORS, Membership, Role, Team, User

__all__ = ["NO_AUDITORS", "Invitation", "Membership", "Role", "Team", "User"]
