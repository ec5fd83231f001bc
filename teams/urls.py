"""Every address of the teams' pages, from the root on. View, URL name, template and test file share one name."""

from django.urls import path

from teams.views import audit

urlpatterns = [
    path("audit/", audit.audit_list, name="audit_list"),
    path("audit/audit.csv", audit.audit_export, name="audit_export"),
]
