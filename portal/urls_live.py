"""Every address of the live process: event streams, and its numbers for operators."""

from django.urls import path

from jobs.live import views
from portal.metrics import live_metrics

urlpatterns = [
    path("live/jobs/<int:job_id>/output", views.job_output_stream, name="job_output_stream"),
    path("live/changes", views.job_changes, name="job_changes"),
    path("live/metrics", live_metrics, name="live_metrics"),
]
