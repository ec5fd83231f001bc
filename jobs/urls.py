"""Every address of the jobs app. View, URL name, template and test file share one name."""

from django.urls import include, path

from jobs.views import (
    actions,
    bulk,
    capsule,
    drafts,
    forecast,
    history,
    info,
    metrics,
    new,
    output,
    output_search,
    pauses,
    provenance,
    quotas,
    results,
    retention,
    saved,
    usage,
)

urlpatterns = [
    path("", history.job_list, name="job_list"),
    path("jobs/counts/", history.job_counts, name="job_counts"),
    path("jobs/export.csv", history.job_export, name="job_export"),
    path("jobs/bulk/", bulk.job_bulk, name="job_bulk"),
    path("jobs/bulk/<int:run_id>/", bulk.bulk_progress, name="bulk_progress"),
    path("jobs/bulk/<int:run_id>/stop/", bulk.bulk_stop, name="bulk_stop"),
    path("filters/", saved.filter_save, name="filter_save"),
    path("filters/<int:filter_id>/", saved.filter_edit, name="filter_edit"),
    path("filters/<int:filter_id>/delete/", saved.filter_delete, name="filter_delete"),
    path("jobs/<int:job_id>/row/", history.job_row, name="job_row"),
    path("jobs/<int:job_id>/header/", info.job_header, name="job_header"),
    path("jobs/<int:job_id>/details/", info.job_info, name="job_info"),
    path("jobs/<int:job_id>/cancel/", actions.job_cancel, name="job_cancel"),
    path("jobs/<int:job_id>/delete/", actions.job_delete, name="job_delete"),
    # What is kept
    path("jobs/<int:job_id>/pin/", retention.job_pin, name="job_pin"),
    path("teams/<slug:slug>/storage/", retention.team_storage, name="team_storage"),
    path("teams/<slug:slug>/retention/", retention.team_retention, name="team_retention"),
    path("retention/", retention.portal_retention, name="portal_retention"),
    # Usage
    path("usage/", usage.usage_report, name="usage_report"),
    path("usage/export.csv", usage.usage_export, name="usage_export"),
    # Estimates
    path("estimates/", forecast.estimate_report, name="estimate_report"),
    path("teams/<slug:slug>/what-if/", forecast.quota_what_if, name="quota_what_if"),
    # New job
    path("new/", new.job_new, name="job_new"),
    path("new/<uuid:draft_id>/", drafts.draft_edit, name="draft_edit"),
    path("new/capsule/", capsule.capsule_open, name="capsule_open"),
    path("jobs/<int:job_id>/again/", new.job_run_again, name="job_run_again"),
    path("jobs/<int:job_id>/change/", new.job_run_with_changes, name="job_run_with_changes"),
    path("examples/<slug:slug>/run/", new.example_run, name="example_run"),
    # Output
    path("jobs/<int:job_id>/", output.job_detail, name="job_detail"),
    path("jobs/<int:job_id>/output/<str:stream>.log", output.job_output_download, name="job_output_download"),
    path("jobs/<int:job_id>/output/search/", output_search.job_output_search, name="job_output_search"),
    # Results
    path("jobs/<int:job_id>/results/", results.job_results, name="job_results"),
    path("jobs/<int:job_id>/gallery/", results.job_gallery, name="job_gallery"),
    path("jobs/<int:job_id>/results.zip", results.job_results_zip, name="job_results_zip"),
    path("jobs/<int:job_id>/results/<int:artifact_id>/", results.artifact_detail, name="artifact_detail"),
    path("jobs/<int:job_id>/results/<int:artifact_id>/raw/", results.artifact_raw, name="artifact_raw"),
    path(
        "jobs/<int:job_id>/results/<int:artifact_id>/download/",
        results.artifact_download,
        name="artifact_download",
    ),
    # Metrics and provenance
    path("jobs/<int:job_id>/metrics/", metrics.job_metrics, name="job_metrics"),
    path("jobs/<int:job_id>/capsule/", provenance.job_capsule, name="job_capsule"),
    path("jobs/<int:job_id>/capsule.zip", provenance.job_capsule_zip, name="job_capsule_zip"),
    path("jobs/<int:job_id>/changes/", provenance.job_changes, name="job_changes"),
    path("jobs/compare/", provenance.job_compare, name="job_compare"),
    path("jobs/compare.csv", provenance.job_compare_export, name="job_compare_export"),
    # Quotas and pauses
    path("teams/<slug:slug>/use/", quotas.team_use, name="team_use"),
    path("teams/<slug:slug>/quota/", quotas.team_quota, name="team_quota"),
    path("teams/<slug:slug>/pause/", pauses.team_pause, name="team_pause"),
    path("clusters/<slug:slug>/pause/", pauses.cluster_pause, name="cluster_pause"),
    path("pause/", pauses.pause_all, name="pause_all"),
    # What the runner talks to: a process of its own answers it (portal/urls_intake.py)
    path("intake/", include("jobs.intake.urls")),
]
