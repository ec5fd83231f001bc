"""The usage report: who used how much, on what, when."""

from django.contrib.auth.decorators import login_required
from django.http import HttpResponse, HttpResponseBase
from django.shortcuts import render
from django.views.decorators.http import require_safe

from jobs.usage.asked import Asked
from jobs.usage.charts import make_charts
from jobs.usage.chips import make_bar
from jobs.usage.export import all_rows, export_rows, header
from jobs.usage.reading import Reader
from jobs.usage.report import gpu_labels, heading_of, make_report
from jobs.usage.scope import check, scope_of
from jobs.usage.statistics import make_statistics
from teams.access import SignedInRequest
from teams.csv_export import csv_response


@login_required
@require_safe
def usage_report(request: SignedInRequest) -> HttpResponse:
    """What jobs used in some months, by team, person, profile, cluster or month."""
    scope, asked = scope_of(request.user), Asked.read(request.GET)
    check(scope, asked)
    reader = Reader(scope, asked)
    report = make_report(reader)
    return render(
        request,
        "jobs/usage_report.html",
        {
            "report": report,
            "asked": asked,
            "bar": make_bar(scope, asked),
            "charts": make_charts(reader, report),
            "statistics": make_statistics(reader),
            "heading": heading_of(asked.by),
            "gpus": list(zip(report.gpus, gpu_labels(report.gpus), strict=True)),
            "export_url": asked.url("usage_export"),
            "has_search": asked.by != "month" and (asked.text or report.others),
            "hidden": asked.fields("text"),
            "span_hidden": asked.fields("from", "to"),
            "sees_people": scope.team_ids is None or bool(scope.managed_ids),
            "has_no_team": scope.team_ids == (),
        },
    )


@login_required
@require_safe
def usage_export(request: SignedInRequest) -> HttpResponseBase:
    """The same as a CSV file, with the rows that the page sums up as “Others”."""
    scope, asked = scope_of(request.user), Asked.read(request.GET)
    check(scope, asked)
    report = all_rows(Reader(scope, asked))
    name = f"usage-by-{asked.by}-{asked.first:%Y-%m}-{asked.last:%Y-%m}.csv"
    return csv_response(name, header(report), export_rows(report))
