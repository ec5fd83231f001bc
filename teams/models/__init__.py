"""Who works here, and how much they may use."""

from teams.models.people import Membership, Role, Team, User

__all__ = ["Membership", "Role", "Team", "User"]
