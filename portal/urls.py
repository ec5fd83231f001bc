"""Every address of the web process. Event streams have their own: portal/urls_live.py."""

from django.contrib import admin
from django.urls import include, path

urlpatterns = [
    path("", include("jobs.urls")),
    path("accounts/", include("teams.urls")),
    path("admin/", admin.site.urls),
]
