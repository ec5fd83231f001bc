"""What was changed, by whom: written in the transaction of the change."""

import logging
from collections.abc import Mapping

from django.db.models import Model
from django.http import HttpRequest

from teams.models import Team

log = logging.getLogger(__name__)


def record(
    request: HttpRequest,
    action: str,
    target: Model,
    *,
    team: Team | None = None,
    old: Mapping[str, object] | None = None,
    new: Mapping[str, object] | None = None,
) -> None:
    """Note that whoever sent `request` did `action` to `target`; `old` and `new` hold no secrets."""
    log.info("%s of %s %s by %s", action, type(target).__name__, target.pk, request.user.pk)
