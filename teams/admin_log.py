"""What is done in Django's admin, as entries of the audit log: beside Django's own, with old and new values."""

from collections.abc import Iterable
from typing import Any

from django.contrib import admin
from django.contrib.admin.models import LogEntry
from django.db import models, transaction
from django.forms import BaseForm
from django.http import HttpRequest, HttpResponse

from teams.audit import Changes, record, snapshot
from teams.audit.values import CHANGED, compared
from teams.models import Membership, Team, User

# As the pages of teams and people call it: one filter of the log finds both.
AREAS = {User: "person", Team: "team", Membership: "team"}


class Logged(admin.ModelAdmin):
    """An entry for each row that is added, changed or removed, in the transaction that does it."""

    def changelist_view(self, request: HttpRequest, extra_context: Any = None) -> HttpResponse:
        """Django removes the selected rows without a transaction."""
        with transaction.atomic():
            return super().changelist_view(request, extra_context)

    def construct_change_message(
        self, request: HttpRequest, form: Any, formsets: Any, add: bool = False
    ) -> list[dict[str, dict[str, list[str]]]]:
        """Called right before log_addition and log_change, which are not given the form."""
        request.audit_changes = _changes_of(form, formsets or ())  # type: ignore[attr-defined]
        return super().construct_change_message(request, form, formsets, add)

    def log_addition(self, request: HttpRequest, obj: Any, message: Any) -> LogEntry:
        """One entry."""
        _record(request, obj, "added", request.audit_changes)  # type: ignore[attr-defined]
        return super().log_addition(request, obj, message)

    def log_change(self, request: HttpRequest, obj: Any, message: Any) -> LogEntry:
        """One entry, where something was changed."""
        changed: Changes = request.audit_changes  # type: ignore[attr-defined]
        if changed.old or changed.new:
            _record(request, obj, "changed", changed)
        return super().log_change(request, obj, message)

    def log_deletions(self, request: HttpRequest, queryset: Any) -> Any:
        """One entry for each row, which is still there."""
        for obj in queryset:
            _record(request, obj, "removed", compared(snapshot(obj), {}))
        return super().log_deletions(request, queryset)


def _record(request: HttpRequest, obj: models.Model, verb: str, changed: Changes) -> None:
    area = AREAS.get(type(obj), obj._meta.model_name or "")
    if isinstance(obj, Membership):
        record(request, f"{area}.member_{verb}", obj.user, team=obj.team, old=changed.old, new=changed.new)
        return
    team = obj if isinstance(obj, Team) else None
    record(request, f"{area}.{verb}", obj, team=team, old=changed.old, new=changed.new)


def _changes_of(form: BaseForm, formsets: Iterable[Any]) -> Changes:
    """What the form says has changed; of the rows below it their names."""
    names = form.changed_data
    old = {name: form.get_initial_for_field(form.fields[name], name) for name in names if name in form.fields}
    # Django's form for passwords says "password" and has no such field.
    new = {name: form.cleaned_data.get(name) if name in form.fields else CHANGED for name in names}
    found = compared(old, new)
    for formset in formsets:
        rows = str(formset.model._meta.verbose_name_plural)
        for verb, objects in (
            ("added", formset.new_objects),
            ("changed", [row for row, _ in formset.changed_objects]),
        ):
            if objects:
                found.new[f"{rows} {verb}"] = [str(row) for row in objects]
        if formset.deleted_objects:
            found.old[f"{rows} removed"] = [str(row) for row in formset.deleted_objects]
    return found
