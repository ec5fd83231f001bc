"""Every address but the event streams' (portal/urls_live.py). nginx asks the intake's of a process of its own."""

from django.contrib import admin
from django.urls import include, path
from django.views.decorators.http import require_safe
from django.views.generic import RedirectView

from portal.health import health
from portal.metrics import metrics
from teams.views.accounts import admin_login

urlpatterns = [
    # Browsers ask for it where a page names none: Django's admin.
    path(
        "favicon.ico", require_safe(RedirectView.as_view(url="/static/favicon/stellwerk.svg")), name="favicon"
    ),
    path("health/", health, name="health"),
    path("metrics", metrics, name="metrics"),
    path("", include("jobs.urls")),
    path("", include("teams.urls")),
    path("clusters/", include("clusters.urls")),
    path("accounts/", include("teams.account_urls")),
    # The admin's own doors lead to the one that counts attempts and knows given passwords.
    path("admin/login/", admin_login),
    path("admin/logout/", RedirectView.as_view(pattern_name="account_logout")),
    path("admin/password_change/", RedirectView.as_view(pattern_name="account_change_password")),
    path("admin/", admin.site.urls),
]
