"""The live part of a cluster's page asks again only while the doctor is there."""

from datetime import timedelta

from django.utils import timezone

from clusters.models import DoctorRun
from tests.clusters.pages.connected import line, visited


def test_it_asks_again_while_the_visit_lasts_and_then_stops(admin, research, text):
    visit = visited(research, line("reachable"), is_running=True)
    page = text(admin.get("/clusters/research/health/"))
    assert 'hx-get="/clusters/research/health/"' in page
    assert "1 thing looked at" in page
    assert '<meta http-equiv="refresh"' in text(admin.get("/clusters/research/"))
    DoctorRun.objects.filter(pk=visit.pk).update(ended_at=timezone.now())
    page = text(admin.get("/clusters/research/health/"))
    assert "hx-get" not in page
    assert page.lstrip().startswith('<div id="cluster-health"')


def test_a_visit_that_nobody_ended_is_given_up(admin, research, text):
    visit = visited(research, is_running=True)
    DoctorRun.objects.filter(pk=visit.pk).update(asked_at=timezone.now() - timedelta(minutes=11))
    page = text(admin.get("/clusters/research/health/"))
    assert "hx-get" not in page
    assert "This visit was not finished" in page
