"""Every address of the intake, below `/intake/`."""

from django.urls import path

from jobs.intake import calls, probe

urlpatterns = [
    path("claim", calls.claim, name="intake_claim"),
    path("inputs", calls.inputs, name="intake_inputs"),
    path("started", calls.started, name="intake_started"),
    path("output", calls.turns, name="intake_turns"),
    path("output/<str:stream>", calls.output, name="intake_output"),
    path("ended", calls.ended, name="intake_ended"),
    path("results", calls.results, name="intake_results"),
    path("kept", calls.kept, name="intake_kept"),
    path("direct/begin", calls.direct, {"step": "begin"}, name="intake_direct_begin"),
    path("direct/part", calls.direct, {"step": "part"}, name="intake_direct_part"),
    path("direct/done", calls.direct, {"step": "done"}, name="intake_direct_done"),
    path("known", calls.known, name="intake_known"),
    path("collected", calls.collected, name="intake_collected"),
    path("probe", probe.probe, name="intake_probe"),
]
