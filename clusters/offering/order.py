"""The order in which environments and profiles are shown."""

from typing import Any

from django.db import transaction


def move(offers: Any, part_id: int, *, up: bool) -> None:
    """One place up or down among `offers` (a cluster's images or profiles); at the end it stays."""
    with transaction.atomic():
        rows = list(offers.select_for_update().order_by("position", "pk"))
        place = next((number for number, row in enumerate(rows) if row.pk == part_id), None)
        if place is None:
            return
        other = place - 1 if up else place + 1
        if 0 <= other < len(rows):
            rows[place], rows[other] = rows[other], rows[place]
        for number, row in enumerate(rows):
            if row.position != number:
                offers.filter(pk=row.pk).update(position=number)
