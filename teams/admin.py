"""Users, teams and memberships in Django's admin. Admins only (`is_superuser`)."""

from typing import Any, ClassVar

from allauth.account.admin import EmailAddress  # imported from there: it is registered by then
from django.contrib import admin
from django.contrib.auth.admin import UserAdmin
from django.contrib.auth.models import Group
from django.db import transaction
from django.forms import Form
from django.http import HttpRequest, HttpResponse

from teams.admin_log import Logged
from teams.models import Membership, Team, User
from teams.policy import may_administer

admin.site.site_header = "Stellwerk administration"
admin.site.site_title = "Stellwerk"
admin.site.index_title = "Administration"
admin.site.site_url = "/"


# `is_staff` alone opens nothing here: there are analysts, managers of teams, and admins.
def _is_an_admin(request: HttpRequest) -> bool:
    return isinstance(request.user, User) and may_administer(request.user)


admin.site.has_permission = _is_an_admin  # type: ignore[method-assign]
# Rights follow from memberships; groups would be a second way.
admin.site.unregister(Group)
# An address is a field of the user here: nothing is verified by mail.
admin.site.unregister(EmailAddress)


class MembershipInline(admin.TabularInline):
    """The teams of a user, or the people of a team."""

    model = Membership
    extra = 1
    autocomplete_fields: ClassVar = ["user", "team"]


@admin.register(User)
class StellwerkUserAdmin(Logged, UserAdmin):
    """A password that an admin sets must be changed by its user first."""

    list_display = ("username", "first_name", "last_name", "email", "is_active", "is_superuser")
    list_filter = ("is_active", "is_superuser", "teams")
    inlines = (MembershipInline,)
    fieldsets = (
        (None, {"fields": ("username", "password")}),
        ("Person", {"fields": ("first_name", "last_name", "email")}),
        ("Rights", {"fields": ("is_active", "is_superuser", "must_change_password")}),
        ("Dates", {"fields": ("last_login", "date_joined")}),
    )
    readonly_fields = ("last_login", "date_joined")

    def get_inlines(self, request: HttpRequest, obj: Any) -> Any:
        """The teams come on the second page, once the account is there."""
        return self.inlines if obj else ()

    def save_model(self, request: HttpRequest, obj: Any, form: Form, change: bool) -> None:
        """A new account's password is known to the admin who made it."""
        if not change:
            obj.must_change_password = True
        obj.is_staff = obj.is_superuser
        super().save_model(request, obj, form, change)

    def user_change_password(self, request: HttpRequest, id: str, form_url: str = "") -> HttpResponse:
        """Django's page; once the password is set, its user has to change it (not: admins their own)."""
        with transaction.atomic():
            response = super().user_change_password(request, id, form_url)
            if request.method == "POST" and response.status_code == 302 and id != str(request.user.pk):
                User.objects.filter(pk=id).update(must_change_password=True)
        return response


@admin.register(Team)
class TeamAdmin(Logged):
    """A team with its people."""

    list_display = ("name", "slug")
    search_fields = ("name",)
    prepopulated_fields: ClassVar = {"slug": ("name",)}
    inlines = (MembershipInline,)


@admin.register(Membership)
class MembershipAdmin(Logged):
    """Who is in which team, as one list."""

    list_display = ("user", "team", "role")
    list_filter = ("team", "role")
    search_fields = ("user__username", "user__first_name", "user__last_name", "team__name")
    autocomplete_fields: ClassVar = ["user", "team"]
    list_select_related = ("user", "team")
