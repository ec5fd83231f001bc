"""Who works here, and how much they may use."""

from teams.models.audit import AuditEvent, AuditSeal
from teams.models.invitations import Invitation
from teams.models.people import NO_AUDITORS, Membership, Role, Team, User
from teams.models.quota import Pause, QuotaLine, Scope

__all__ = [
    "NO_AUDITORS",
    "AuditEvent",
    "AuditSeal",
    "Invitation",
    "Membership",
    "Pause",
    "QuotaLine",
    "Role",
    "Scope",
    "Team",
    "User",
]
