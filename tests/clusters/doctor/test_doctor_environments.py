"""Every environment of a cluster is tried, side by side in the test pod; one that is broken hides no other."""

import json

import pytest

from clusters.doctor import environments, probing, watcher
from clusters.doctor.lines import Level
from clusters.doctor.probing import probe_of
from clusters.doctor.steps import Step, walk
from clusters.kubernetes import probe as manifests
from clusters.models import Image
from tests.clusters.doctor.test_doctor_probing import FINE, over, pod, waiting

STATA, EMPTY = "images.example/stata:1", "images.example/empty:1"
COMMANDS = {".sh": ["sh"]}


@pytest.fixture
def others(real):
    """Two more environments beside the first one, and one that is not offered."""
    for label, reference in (("Stata", STATA), ("Void", EMPTY)):
        Image.objects.create(cluster=real, label=label, reference=reference, entry_commands=COMMANDS)
    Image.objects.create(cluster=real, label="Old", reference="images.example/old:1", is_enabled=False)


@pytest.fixture
def look(ground, api, monkeypatch):
    """`look(main=…, **{"other-2": …})`: the lines of a pod whose script containers are so, long after its begin."""
    monkeypatch.setattr(watcher.Watcher, "age", 60.0)
    monkeypatch.setattr(watcher, "PROBE_SECONDS", 0.05)

    def do(main, **states):
        found = pod(over(0, FINE), main)
        for name, state in states.items():
            found["spec"]["containers"].append({"name": name.replace("_", "-"), "image": name})
            found["status"]["containerStatuses"].append({"name": name.replace("_", "-"), "state": state})
        api.pods = lambda: [found]
        lines = list(walk(ground, [Step(probing.probing, probing.TITLES)]))
        return [line for line in lines if line.key.startswith("environment")]

    return do


def test_each_environment_has_a_line_of_its_own(look, others):
    first, stata, empty = look(over(), other_2=over(), other_3=over(128, "no sh", reason="StartError"))
    assert [line.level for line in (first, stata, empty)] == [Level.PASS, Level.PASS, Level.FAIL]
    assert first.title == "Environment R"
    assert (stata.title, empty.title) == ("Environment Stata", "Environment Void")
    assert STATA in stata.sentence
    assert "POSIX shell" in empty.sentence


def test_an_image_that_cannot_be_pulled_is_no_trouble_of_the_others(look, others):
    lines = look(over(), other_2=waiting("ErrImagePull", "denied"), other_3=over(3))
    assert [line.level for line in lines] == [Level.PASS, Level.FAIL, Level.FAIL]
    assert "denied. Correct its name" in lines[1].sentence
    assert "no `sleep`" in lines[2].sentence


def test_a_first_pull_that_fails_is_waited_for_however_late_its_turn_came(ground, api, others, monkeypatch):
    monkeypatch.setattr(watcher.Watcher, "age", 60.0)
    looks = iter([waiting("ErrImagePull", "try again"), waiting("ErrImagePull", "try again"), over()])
    state = over()

    def next_pod():
        nonlocal state
        state = next(looks, state)
        found = pod(over(0, FINE), over())
        for name, its in (("other-2", over()), ("other-3", state)):
            found["spec"]["containers"].append({"name": name, "image": name})
            found["status"]["containerStatuses"].append({"name": name, "state": its})
        return [found]

    api.pods = next_pod
    lines = {line.key: line for line in walk(ground, [Step(probing.probing, probing.TITLES)])}
    assert lines["environment:Void"].level is Level.PASS


def test_a_large_image_on_its_way_is_a_warning_and_the_rest_is_told(look, others):
    lines = look(over(), other_2=waiting("ContainerCreating"), other_3=over())
    assert [line.level for line in lines] == [Level.PASS, Level.WARN, Level.PASS]


def test_the_pod_has_a_container_for_each_as_harmless_as_the_scripts(ground, others):
    Image.objects.update(pull_secret="of-all")
    job = manifests.job(probe_of(ground))
    spec = job["spec"]["template"]["spec"]
    main, stata, empty = spec["containers"]
    assert [stata["image"], empty["image"]] == [STATA, EMPTY]
    assert stata["securityContext"] == main["securityContext"]
    assert stata["resources"]["limits"] == main["resources"]["limits"]
    assert stata["resources"]["requests"]["cpu"] == "1m", "nine of them must not need room"
    assert "volumeMounts" not in stata
    assert spec["imagePullSecrets"] == [{"name": "of-all"}]
    assert "old" not in json.dumps(job)


def test_an_image_with_another_login_is_not_tried_with_the_first_ones(ground, look, others):
    Image.objects.filter(reference=STATA).update(pull_secret="of-stata")
    assert [tried.image for tried in probe_of(ground).others] == [EMPTY]
    first, empty, stata = look(over(), other_2=over())
    assert (first.level, empty.level, stata.level) == (Level.PASS, Level.PASS, Level.SKIP)
    assert (empty.title, stata.title) == ("Environment Void", "Environment Stata")
    assert "login is not that of R" in stata.sentence


def test_an_image_that_two_environments_have_is_tried_once(ground, real, others):
    Image.objects.create(cluster=real, label="Stata again", reference=STATA, entry_commands=COMMANDS)
    assert [tried.image for tried in probe_of(ground).others] == [STATA, EMPTY]


def test_more_than_one_pod_can_try_are_named(look, others, monkeypatch):
    monkeypatch.setattr(environments, "MOST_OTHERS", 1)
    lines = look(over(), other_2=over())
    assert [line.level for line in lines] == [Level.PASS, Level.PASS, Level.SKIP]
    assert "too many environments" in lines[-1].sentence


def test_what_was_changed_meanwhile_is_no_part_of_the_visit(ground, look, others, monkeypatch):
    made = probing._make

    def make_and_change(*args):
        made(*args)
        Image.objects.filter(reference=STATA).delete()

    monkeypatch.setattr(probing, "_make", make_and_change)
    assert len(look(over(), other_2=over(), other_3=over())) == 3
