"""Clusters with their environments and profiles in Django's admin."""

from typing import ClassVar

from django.contrib import admin
from django.db.models import Model
from django.http import HttpRequest

from clusters.models import Cluster, Image, Profile


class ImageInline(admin.TabularInline):
    """The environments of a cluster."""

    model = Image
    extra = 0
    fields = ("label", "reference", "is_enabled", "position")
    show_change_link = True


class ProfileInline(admin.TabularInline):
    """The sizes that a cluster offers."""

    model = Profile
    extra = 0
    fields = ("name", "cpu_millis", "memory_bytes", "disk_bytes", "is_enabled", "position")
    show_change_link = True


@admin.register(Cluster)
class ClusterAdmin(admin.ModelAdmin):
    """What watch writes is only shown. A cluster with jobs is switched off, not deleted."""

    list_display = ("name", "driver", "is_enabled", "last_seen_at", "unreachable_since")
    readonly_fields = ("last_seen_at", "unreachable_since", "trouble")
    prepopulated_fields: ClassVar = {"slug": ("name",)}
    inlines = (ProfileInline, ImageInline)

    def get_readonly_fields(self, request: HttpRequest, obj: Model | None = None) -> tuple[str, ...]:
        """How a cluster is spoken to is no choice to be made later."""
        return (*self.readonly_fields, "driver")

    def has_add_permission(self, request: HttpRequest) -> bool:
        """This machine is made by `manage.py seed`; others are connected, not typed in."""
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        """Its jobs refer to it."""
        return False


@admin.register(Image)
class ImageAdmin(admin.ModelAdmin):
    """An environment: what runs the scripts."""

    list_display = ("label", "cluster", "reference", "is_enabled", "position")
    list_filter = ("cluster", "is_enabled")
    search_fields = ("label", "reference")


@admin.register(Profile)
class ProfileAdmin(admin.ModelAdmin):
    """A size."""

    list_display = ("name", "cluster", "cores", "memory_bytes", "gpu_count", "is_enabled", "position")
    list_filter = ("cluster", "is_enabled")
    search_fields = ("name",)
