"""Jobs in Django's admin: to look at, never to change (one writer per column)."""

from typing import Any, ClassVar

from django.contrib import admin
from django.contrib.admin.views.main import ChangeList
from django.core.paginator import Paginator
from django.db.models import Model, QuerySet
from django.db.models.expressions import Combinable
from django.http import HttpRequest

from jobs.models import Attempt, Job, JobEvent

# So many jobs can be paged through.
LISTED = 10_000


class CappedPaginator(Paginator):
    """Counts no further than people page: a count of a million rows takes as long as they are many."""

    @property
    def count(self) -> int:
        """The number of jobs, LISTED at most."""
        return QuerySet.count(self.object_list[:LISTED])  # type: ignore[arg-type]


class NewestFirst(ChangeList):
    """By id alone, backwards: what an index gives."""

    def get_ordering(self, request: HttpRequest, queryset: QuerySet[Any]) -> list[str | Combinable]:
        """As the history."""
        return ["-id"]


class ReadOnly:
    """Nothing is added, changed or deleted here."""

    def has_add_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        """Jobs are made by the form."""
        return False

    def has_change_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        """Views write wishes, workers write facts."""
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        """Deleting is a wish, written by the job's page."""
        return False


class AttemptInline(ReadOnly, admin.StackedInline):
    """Everything that was reported about an attempt; its secret is not shown."""

    model = Attempt
    extra = 0
    exclude: ClassVar = ["nonce"]


class EventInline(ReadOnly, admin.TabularInline):
    """What happened."""

    model = JobEvent
    extra = 0
    fields = ("at", "kind", "sentence")
    readonly_fields = ("at",)


@admin.register(Job)
class JobAdmin(ReadOnly, admin.ModelAdmin):
    """Found by id or by a status; the history's own filters do the rest."""

    list_display = ("id", "name", "owner", "team", "status", "reason", "created_at")
    list_display_links = ("id", "name")
    list_select_related = ("team", "owner")
    list_filter = ("status",)
    search_fields = ("=id",)
    sortable_by = ()
    show_full_result_count = False
    show_facets = admin.ShowFacets.NEVER
    paginator = CappedPaginator
    inlines = (AttemptInline, EventInline)

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[ChangeList]:
        """The list in the order of the index."""
        return NewestFirst
