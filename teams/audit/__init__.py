"""The audit log: `record` who did what, in the transaction of the change itself, as its last statement."""

from teams.audit.origin import Origin, origin_of
from teams.audit.recording import record, record_by
from teams.audit.values import Changes, changes, snapshot

__all__ = ["Changes", "Origin", "changes", "origin_of", "record", "record_by", "snapshot"]
