"""The doctor of clusters: says what works, what does not, and what puts it right."""

from clusters.doctor.visits import (
    has_come_to_nothing,
    is_running,
    request_visit,
    revisit,
    sweep_visits,
    visit,
)

__all__ = ["has_come_to_nothing", "is_running", "request_visit", "revisit", "sweep_visits", "visit"]
