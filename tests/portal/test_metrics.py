"""/metrics: for who has the token, in Prometheus' own format."""

import pytest
from django.http import Http404
from prometheus_client.parser import text_string_to_metric_families

from teams.models import QuotaLine
from tests.jobs.live.live_reader import get, run


@pytest.fixture
def read(client, settings):
    settings.METRICS_TOKEN = "open sesame"

    def values():
        response = client.get("/metrics", headers={"Authorization": "Bearer open sesame"})
        assert response.status_code == 200
        families = text_string_to_metric_families(response.content.decode())
        return {
            (sample.name, *sample.labels.values()): sample.value
            for each in families
            for sample in each.samples
        }

    return values


def test_it_counts_jobs_and_drift(read, make_job, team):
    make_job()
    make_job(status="running")
    values = read()
    assert values["stellwerk_jobs_active", "queued"] == 1
    assert values["stellwerk_jobs_active", "running"] == 1
    assert values["stellwerk_quota_drifted_accounts",] == 0
    line = QuotaLine.objects.create(team=team, scope="team", resource="jobs", used=3)
    assert read()["stellwerk_quota_drifted_accounts",] == 1
    line.delete()


def ask_live(token):
    return run(get("/live/metrics", **{"Authorization": token}))


def test_the_live_process_counts_its_streams_and_reads(settings, db):
    settings.METRICS_TOKEN = "open sesame"
    answer = ask_live("Bearer open sesame")
    assert answer.status_code == 200
    lines = answer.content.decode().splitlines()
    assert 'stellwerk_live_streams{kind="output"} 0.0' in lines
    assert "stellwerk_live_feeds 0.0" in lines
    assert 'stellwerk_live_reads_total{by="viewer"} 0.0' in lines


def test_the_live_process_tells_nobody_without_the_token(settings, db):
    settings.METRICS_TOKEN = "open sesame"
    for token in ("", "Bearer wrong"):
        with pytest.raises(Http404):
            ask_live(token)


@pytest.mark.parametrize("header", ["", "Bearer", "Bearer wrong", "open sesame ", "Bearer opén"])
def test_without_the_token_there_is_no_such_page(client, settings, db, header):
    settings.METRICS_TOKEN = "open sesame"
    assert client.get("/metrics", headers={"Authorization": header}).status_code == 404
    settings.METRICS_TOKEN = ""
    assert client.get("/metrics", headers={"Authorization": "Bearer "}).status_code == 404
