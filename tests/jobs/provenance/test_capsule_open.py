"""Run again exactly: a capsule becomes a form; what is not what it says is refused."""

import io
import json
import zipfile

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile

from clusters.models import Profile
from jobs.models import Draft, Job, Priority
from jobs.provenance import archive as capsule_archive

DIGEST = "sha256:" + "a" * 64


@pytest.fixture(autouse=True)
def one_connection(monkeypatch):
    monkeypatch.setattr(capsule_archive, "close_old_connections", lambda: None)


@pytest.fixture
def capsule(make_job, make_attempt, client_of, alice):
    """The archive of a job, whose capsule.json and members may be changed."""
    fields = {"arguments": ["--lr", "two words"], "environment": {"SEED": "7", "API_TOKEN": "x"}}
    fields |= {"tags": ["nightly", "two words"], "priority": Priority.LOW, "is_preemptible": True}
    fields["result_rules"] = {"include": ["*.csv"], "exclude": ["tmp/*"], "file_bytes": 2 << 20}
    job = make_job(
        files={"main.py": b"print(1)\n", "data/a.csv": b"a\n"},
        command=["python3", "-u", "main.py", "--lr", "two words"],
        status="succeeded",
        **fields,
    )
    make_attempt(job, image_digest=DIGEST)
    content = b"".join(client_of(alice).get(f"/jobs/{job.pk}/capsule.zip").streaming_content)

    def changed(members=None, **words):
        with zipfile.ZipFile(io.BytesIO(content)) as old:
            held = {name: old.read(name) for name in old.namelist()} | (members or {})
        held["capsule.json"] = json.dumps(json.loads(held["capsule.json"]) | words).encode()
        packed = io.BytesIO()
        with zipfile.ZipFile(packed, "w") as new:
            for name, data in held.items():
                if data is not None:
                    new.writestr(name, data)
        return packed.getvalue()

    return changed


@pytest.fixture
def client(client_of, alice):
    return client_of(alice)


@pytest.fixture
def send(client):
    def sent(content):
        return client.post("/new/capsule/", {"capsule": SimpleUploadedFile("c.zip", content)})

    return sent


def test_the_form_runs_exactly_what_ran(capsule, send, client):
    address = send(capsule())["Location"]
    page = client.get(address).content.decode()
    assert "API_TOKEN" in page
    assert f"Pinned to <code>{DIGEST}</code>" in page
    client.post(address, {"begin": "1", "action": "run", "end": "1"})
    old, new = Job.objects.order_by("pk")
    assert new.command == old.command
    assert new.environment == {"SEED": "7"}
    assert (new.tags, new.priority, new.is_preemptible) == (old.tags, old.priority, True)
    assert new.result_rules | old.result_rules == new.result_rules
    assert new.image_reference == f"local/python@{DIGEST}"
    assert list(new.bundle.files.values_list("path", "blob")) == list(
        old.bundle.files.values_list("path", "blob")
    )


def test_a_digest_that_never_ran_here_is_not_pinned(capsule, send):
    image = {"label": "Python 3", "reference": "local/python", "digest": "sha256:" + "b" * 64}
    send(capsule(image=image))
    assert "pinned_digest" not in Draft.objects.get().fields


def test_an_image_that_is_not_offered_is_left_to_be_chosen(capsule, send, client):
    address = send(capsule(image={"reference": "evil/image:1", "digest": DIGEST}))["Location"]
    assert Draft.objects.get().fields["image"] == ""
    assert "evil/image:1" in client.get(address).content.decode()


def test_a_capsule_of_before_has_no_priority_and_the_form_says_normal(capsule, send, client):
    address = send(capsule(priority=None, preemptible=None, results=None))["Location"]
    client.post(address, {"begin": "1", "action": "run", "end": "1"})
    new = Job.objects.latest("pk")
    assert (new.priority, new.is_preemptible, new.tags) == (Priority.NORMAL, False, ["nightly", "two words"])


@pytest.mark.parametrize(
    "change",
    [
        {"members": {"files/main.py": b"print(2)\n"}},
        {"members": {"files/more.py": b"1"}},
        {"members": {"files/main.py": None}},
        {"members": {"other.txt": b"1"}},
        {"members": {"files/../../x": b"1"}},
        {"format": "other"},
        {"version": 2},
        {"files": "x"},
    ],
)
def test_what_is_not_what_it_says_is_refused(capsule, send, change):
    response = send(capsule(**change))
    assert response.status_code == 422
    assert not Draft.objects.exists()


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04", b"no archive"])
def test_what_is_no_archive_is_refused_with_what_to_do(send, content):
    response = send(content)
    assert response.status_code == 422
    assert "Download the capsule again" in response.content.decode()


def test_words_of_any_kind_break_nothing(capsule, send):
    strange = {
        "who": 1,
        "image": [],
        "profile": None,
        "arguments": {"a": 1},
        "environment": [1],
        "job": "\ud800",
        "priority": ["High"],
        "preemptible": "yes",
        "results": {"include": 7, "size": "\0"},
    }
    assert send(capsule(**strange, entry="\0", time_limit_seconds=10**40)).status_code == 302


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"max_processes": 7}, "has other sizes by now than it had for that run."),
        ({"memory_bytes": 1 << 20}, "has other sizes by now than it had for that run."),
        ({"node_labels": {"gpu": "a100"}}, "runs on other nodes by now than it did then."),
        ({"tolerations": [{"key": "gpu"}]}, "runs on other nodes by now than it did then."),
        ({}, ""),
    ],
)
def test_a_profile_that_is_another_one_by_now_is_said(capsule, send, client, changed, said):
    content = capsule()
    Profile.objects.update(**changed)
    page = client.get(send(content)["Location"]).content.decode()
    assert said in page
    assert bool(said) == (" by now than it " in page)
