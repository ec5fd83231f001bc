"""Every address of the web process. Event streams have their own: portal/urls_live.py."""

from django.contrib import admin
from django.urls import include, path
from django.views.generic import RedirectView

from teams.views import admin_login

urlpatterns = [
    path("", include("jobs.urls")),
    path("accounts/", include("teams.urls")),
    # The admin's own doors lead to the one that counts attempts and knows given passwords.
    path("admin/login/", admin_login),
    path("admin/logout/", RedirectView.as_view(pattern_name="account_logout")),
    path("admin/password_change/", RedirectView.as_view(pattern_name="account_change_password")),
    path("admin/", admin.site.urls),
]
