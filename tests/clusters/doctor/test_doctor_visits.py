"""A visit is asked for once, done once, told line by line, and comes to an end although its worker dies."""

from datetime import timedelta

import pytest
from django.utils import timezone

from clusters import doctor
from clusters.doctor import checks, steps, visits
from clusters.driver import ClusterUnreachable
from clusters.models import Cluster, ClusterHealth, DoctorRun, Image

LONG_AGO = timezone.now() - timedelta(hours=1)


@pytest.fixture
def sent(monkeypatch):
    """The messages that went to the broker."""
    found = []
    monkeypatch.setattr(visits.current_app, "send_task", lambda name, args, **_: found.append((name, args)))
    return found


@pytest.fixture
def without_pod(monkeypatch):
    monkeypatch.setattr(steps, "WHOLE", steps.WHOLE[:-1])


def lines_of(run):
    run.refresh_from_db()
    return {line["key"]: line for line in run.lines}


def test_a_visit_is_made_and_sent_when_it_is_committed(real, dana, sent, django_capture_on_commit_callbacks):
    with django_capture_on_commit_callbacks(execute=True):
        run = doctor.request_visit(real, dana)
        assert sent == []
    assert sent == [("clusters.visit", [run.pk])]
    assert (run.asked_by, doctor.is_running(run), len(run.nonce)) == (dana, True, 32)


def test_a_second_click_gives_the_visit_that_is_under_way(real, dana, sent):
    run = doctor.request_visit(real, dana)
    assert doctor.request_visit(real, dana).pk == run.pk
    DoctorRun.objects.update(ended_at=timezone.now())
    assert doctor.request_visit(real, dana).pk != run.pk


def test_a_visit_that_came_to_nothing_can_be_asked_for_again(real, dana, sent):
    run = doctor.request_visit(real, dana)
    DoctorRun.objects.update(asked_at=LONG_AGO, started_at=LONG_AGO)
    run.refresh_from_db()
    assert (doctor.is_running(run), doctor.has_come_to_nothing(run)) == (False, True)
    assert doctor.request_visit(real, dana).pk != run.pk


def test_every_line_is_written_as_soon_as_it_is_known(row, api, visited, without_pod, monkeypatch):
    seen = []
    write = visits._write
    monkeypatch.setattr(visits, "_write", lambda run, lines: seen.append(len(lines)) or write(run, lines))
    doctor.visit(visited.pk)
    assert seen == list(range(1, len(seen) + 1))
    lines = lines_of(visited)
    assert len(lines) == len(seen)
    assert {line["level"] for line in lines.values()} == {"pass"}
    assert set(lines["version"]) == {"key", "title", "level", "sentence", "fix", "fix_kind"}
    assert visited.ended_at >= visited.started_at
    assert ("CLOSE", "") in api.calls


def test_a_message_that_comes_twice_does_nothing_the_second_time(row, api, visited, without_pod):
    doctor.visit(visited.pk)
    calls = len(api.calls)
    doctor.visit(visited.pk)
    doctor.visit(10**9)
    under_way = DoctorRun.objects.create(cluster=visited.cluster, started_at=timezone.now())
    doctor.visit(under_way.pk)
    assert len(api.calls) == calls
    under_way.refresh_from_db()
    assert under_way.ended_at is None, "another worker is at it"


@pytest.mark.parametrize("number", [0, 1, 2])
def test_a_step_that_breaks_hides_no_other(row, api, visited, without_pod, monkeypatch, number):
    def broken(ground):
        raise RuntimeError("a defect")

    left = list(steps.WHOLE)
    left[number] = steps.Step(broken, left[number].titles)
    monkeypatch.setattr(steps, "WHOLE", tuple(left))
    doctor.visit(visited.pk)
    lines = lines_of(visited)
    assert lines[left[number].titles[0].key]["level"] == "warn"
    assert lines["events"]["level"] == "pass"
    assert visited.ended_at is not None


def test_a_refusal_that_nobody_expected_is_told_and_the_rest_goes_on(row, api, visited, without_pod):
    from tests.clusters.doctor.stub_api import refused

    api.answers[f"{api.core}/resourcequotas"] = refused(500, "InternalError", "etcd is slow")
    doctor.visit(visited.pk)
    assert "etcd is slow" in lines_of(visited)["quota"]["sentence"]
    assert lines_of(visited)["events"]["level"] == "pass"


def test_a_cluster_that_goes_away_ends_the_visit_with_what_was_not_seen(row, api, visited):
    api.vanish(f"{api.core}/resourcequotas")
    doctor.visit(visited.pk)
    lines = lines_of(visited)
    assert lines["quota"]["level"] == "fail"
    assert {lines[key]["level"] for key in ("events", "test_pod", "callback")} == {"skip"}


def test_a_visit_takes_no_longer_than_it_may(row, api, visited, monkeypatch):
    monkeypatch.setattr(visits, "VISIT_SECONDS", -1.0)
    doctor.visit(visited.pk)
    assert "too slowly" in lines_of(visited)["address"]["sentence"]
    assert visited.ended_at is not None
    # The broker gives a message to a second worker after 300 s; the last requests of the first end before.
    assert 200 + 3 * 20 < visits.LOST_AFTER.total_seconds() < 300


def test_without_a_connection_the_admin_is_told(real, visited):
    doctor.visit(visited.pk)
    assert "no connection" in lines_of(visited)["credentials"]["sentence"]


def test_credentials_that_cannot_be_read_are_told(row, visited, settings):
    settings.CREDENTIAL_KEYS = ["x" * 43 + "="]
    doctor.visit(visited.pk)
    assert lines_of(visited)["credentials"]["level"] == "fail"


def test_this_machine_is_always_reachable(cluster, dana):
    run = DoctorRun.objects.create(cluster=cluster, asked_by=dana)
    doctor.visit(run.pk)
    assert {line["level"] for line in lines_of(run).values()} == {"pass"}


def test_the_sweep_ends_what_will_not_end_and_sends_again_what_was_lost(real, sent):
    died = DoctorRun.objects.create(cluster=real, started_at=LONG_AGO, lines=[{"key": "address"}])
    unheard = DoctorRun.objects.create(cluster=real, asked_at=LONG_AGO)
    waits = DoctorRun.objects.create(cluster=real, asked_at=timezone.now() - timedelta(seconds=60))
    runs = DoctorRun.objects.create(cluster=real, started_at=timezone.now())
    fresh = DoctorRun.objects.create(cluster=real)
    doctor.sweep_visits()
    assert set(DoctorRun.objects.filter(ended_at=None)) == {waits, runs, fresh}
    assert sent == [("clusters.visit", [waits.pk])]
    assert [line["key"] for line in lines_of(died).values()] == ["address", "visit"]
    assert "did not come to its end" in lines_of(unheard)["visit"]["sentence"]


def test_a_visit_that_was_ended_meanwhile_stops(row, api, visited, without_pod, monkeypatch):
    def ended_by_the_sweep(ground):
        DoctorRun.objects.update(ended_at=timezone.now(), lines=[])
        yield checks.VERSION.passed("x")

    monkeypatch.setattr(steps, "WHOLE", (steps.Step(ended_by_the_sweep, ()), *steps.WHOLE))
    doctor.visit(visited.pk)
    assert lines_of(visited) == {}
    assert ("GET", "/version") not in api.calls


@pytest.mark.parametrize(
    ("key", "level", "minutes", "is_enabled", "comes"),
    [
        # No environment works: no job can run.
        ("environment:x:1", "fail", 11, True, 1),
        ("pod", "fail", 11, True, 1),
        ("pod", "fail", 9, True, 0),
        ("pod", "warn", 60, True, 0),
        ("pod", "fail", 60, False, 0),
        # The cluster works, though not with that environment.
        ("environment:beside", "fail", 59, True, 0),
        ("environment:beside", "fail", 61, True, 1),
    ],
)
def test_where_something_did_not_work_the_doctor_comes_again(
    real, sent, key, level, minutes, is_enabled, comes
):
    Cluster.objects.filter(pk=real.pk).update(is_enabled=is_enabled)
    ended = timezone.now() - timedelta(minutes=minutes)
    lines = [{"key": key, "level": level, "sentence": "It did not call back."}]
    lines += [{"key": "environment", "level": "pass", "sentence": ""}] if "beside" in key else []
    DoctorRun.objects.create(cluster=real, lines=lines, ended_at=ended, started_at=ended)
    doctor.revisit()
    doctor.revisit()
    assert DoctorRun.objects.filter(ended_at=None).count() == comes


def test_what_he_found_is_the_clusters_health_from_then_on(real, row, api, visited, without_pod):
    doctor.visit(visited.pk)
    health = ClusterHealth.objects.get(cluster=real)
    assert (health.level, health.version) == ("pass", "v1.36.0")
    assert health.checked_at is not None
    api.answers["/version"] = ClusterUnreachable("gone")
    again = DoctorRun.objects.create(cluster=real, nonce="b" * 32)
    doctor.visit(again.pk)
    health.refresh_from_db()
    assert (health.level, health.version) == ("fail", "v1.36.0")


def test_he_comes_again_at_once_where_environments_changed_while_he_was_there(
    real, row, api, visited, without_pod, sent, monkeypatch
):
    def changed(ground):
        Image.objects.create(cluster=ground.cluster, label="New", reference="images.example/new:1")
        yield checks.VERSION.passed("x")

    monkeypatch.setattr(steps, "WHOLE", (steps.Step(changed, ()), *steps.WHOLE))
    doctor.visit(visited.pk)
    again = DoctorRun.objects.get(ended_at=None)
    monkeypatch.setattr(steps, "WHOLE", steps.WHOLE[1:])
    doctor.visit(again.pk)
    assert not DoctorRun.objects.filter(ended_at=None).exists()


def test_however_often_he_comes_only_the_last_visits_are_kept(real, sent, monkeypatch):
    monkeypatch.setattr(visits, "MOST_KEPT", 3)
    ended = timezone.now()
    runs = [DoctorRun.objects.create(cluster=real, ended_at=ended).pk for _ in range(5)]
    other = DoctorRun.objects.create(
        cluster=Cluster.objects.create(name="Other", slug="other", driver="local"), ended_at=ended
    )
    new = doctor.request_visit(real, None)
    assert set(DoctorRun.objects.values_list("pk", flat=True)) == {*runs[-2:], other.pk, new.pk}
