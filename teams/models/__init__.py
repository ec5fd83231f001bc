"""Who works here, and how much they may use."""

from teams.models.people import Membership, Role, Team, User
from teams.models.quota import Pause, QuotaLine, Scope

__all__ = ["Membership", "Pause", "QuotaLine", "Role", "Scope", "Team", "User"]
