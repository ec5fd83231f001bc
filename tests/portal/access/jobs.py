"""The jobs' rows of the access matrix: route, what GET and what POST answer."""

from tests.portal.access.columns import (
    NEVER,
    NO_BUTTON,
    NO_PAGE,
    NO_TOKEN,
    NOT_THERE,
    OF_A_TEAM,
    PAGE,
    READERS,
)

AGAIN = "302 302 302 404 302 404 403 302"
CHANGES = "302 302 403 404 302 404 403 302"

JOBS = {
    "job_list": (PAGE, NO_BUTTON),
    "job_counts": (PAGE, NO_BUTTON),
    "job_export": (PAGE, NO_BUTTON),
    "usage_report": (PAGE, NO_BUTTON),
    "usage_export": (PAGE, NO_BUTTON),
    "estimate_report": (READERS, NO_BUTTON),
    "quota_what_if": (READERS, NO_BUTTON),
    "job_bulk": (NO_PAGE, "302 400 400 400 400 400 403 400"),
    "job_row": (OF_A_TEAM, NO_BUTTON),
    "job_header": (OF_A_TEAM, NO_BUTTON),
    "job_info": (OF_A_TEAM, NO_BUTTON),
    "job_detail": (OF_A_TEAM, NO_BUTTON),
    "job_output_download": (OF_A_TEAM, NO_BUTTON),
    "job_output_search": (OF_A_TEAM, NO_BUTTON),
    "job_results": (OF_A_TEAM, NEVER),
    "job_results_zip": (OF_A_TEAM, NEVER),
    "artifact_detail": (OF_A_TEAM, NEVER),
    "artifact_raw": (OF_A_TEAM, NEVER),
    "artifact_download": (OF_A_TEAM, NEVER),
    "job_cancel": (NO_PAGE, CHANGES),
    "job_delete": ("302 200 403 404 200 404 403 200", CHANGES),
    "job_run_again": (NO_PAGE, AGAIN),
    "job_run_with_changes": (NO_PAGE, AGAIN),
    "job_new": ("302 302 302 302 302 302 403 302", NO_BUTTON),
    "draft_edit": ("302 200 404 404 404 404 404 404", "302 302 404 404 404 404 403 404"),
    "example_run": (NO_PAGE, "302 302 302 302 302 302 403 302"),
    "intake_claim": (NOT_THERE, NO_TOKEN),
    "intake_inputs": (NO_TOKEN, NOT_THERE),
    "intake_started": (NOT_THERE, NO_TOKEN),
    "intake_output": (NOT_THERE, NOT_THERE),
    "intake_ended": (NOT_THERE, NO_TOKEN),
    "intake_results": (NOT_THERE, NOT_THERE),
    "intake_collected": (NOT_THERE, NO_TOKEN),
    "intake_probe": (NOT_THERE, NO_TOKEN),
}
