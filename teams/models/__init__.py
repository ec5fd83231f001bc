"""Who works here, and how much they may use."""

from teams.models.audit import AuditEvent, AuditSeal
from teams.models.people import Membership, Role, Team, User

__all__ = ["AuditEvent", "AuditSeal", "Membership", "Role", "Team", "User"]
