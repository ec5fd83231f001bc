"""Every address of the live process: event streams only."""

from django.urls import path

from jobs.live import views

urlpatterns = [
    path("live/jobs/<int:job_id>/output", views.job_output_stream, name="job_output_stream"),
    path("live/changes", views.job_changes, name="job_changes"),
]
