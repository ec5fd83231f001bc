"""The capsule: everything that made a result, and no secret."""

import hashlib
import io
import json
import re
import zipfile

import pytest

from jobs.provenance import archive as capsule_archive
from jobs.provenance.secrets import has_secret, looks_secret


@pytest.fixture(autouse=True)
def one_connection(monkeypatch):
    """The archive gives its connection back; the test's own transaction would be over."""
    monkeypatch.setattr(capsule_archive, "close_old_connections", lambda: None)


def archive(client, job):
    response = client.get(f"/jobs/{job.pk}/capsule.zip")
    return zipfile.ZipFile(io.BytesIO(b"".join(response.streaming_content)))


def test_the_archive_holds_the_files_and_says_what_they_are(make_job, make_attempt, client_of, alice):
    files = {"train.py": b"print(1)\n", "data/cars.csv": b"a,b\n"}
    job = make_job(
        entry="train.py",
        files=files,
        arguments=["--lr", "0.1"],
        environment={"SEED": "7"},
        status="succeeded",
    )
    make_attempt(job, image_digest="sha256:" + "a" * 64)
    packed = archive(client_of(alice), job)
    assert packed.namelist() == ["capsule.json", "files/data/cars.csv", "files/train.py"]
    capsule = json.loads(packed.read("capsule.json"))
    assert capsule["format"] == "stellwerk-capsule"
    assert capsule["arguments"] == ["--lr", "0.1"]
    assert capsule["environment"] == {"SEED": "7"}
    assert capsule["image"] == {
        "label": "Python 3",
        "reference": "local/python",
        "digest": "sha256:" + "a" * 64,
    }
    assert capsule["who"] == {"person": "Alice Ames", "team": "Data science"}
    for file in capsule["files"]:
        content = packed.read("files/" + file["path"])
        assert content == files[file["path"]]
        assert file["sha256"] == hashlib.sha256(content).hexdigest()
        assert file["size"] == len(content)


def test_secrets_are_named_and_not_told(make_job, client_of, alice):
    job = make_job(environment={"API_TOKEN": "hunter2", "URL": "https://me:hunter2@host/", "MODE": "fast"})
    client = client_of(alice)
    content = archive(client, job).read("capsule.json").decode()
    assert "hunter2" not in content
    assert json.loads(content)["environment_hidden"] == ["API_TOKEN", "URL"]
    page = client.get(f"/jobs/{job.pk}/capsule/").content.decode()
    assert "hunter2" not in page
    assert "API_TOKEN" in page
    assert "MODE=fast" in page


@pytest.mark.parametrize(
    ("name", "value"),
    [
        *[("DB_PASSWORD", "x"), ("apiKey", "x"), ("AWS_SECRET_ACCESS_KEY", "x"), ("MY_PAT", "x"), ("PGPASSWORD", "x")],
        *[("GITHUB_TOKEN2", "x"), ("X", "ghp_0123456789abcdef"), ("X", "postgres://u:p@h/d"), ("auth-token", "x")],
        *[("X", "-----BEGIN RSA PRIVATE KEY-----"), ("X", "eyJhbGciOiJIUzI1.eyJzdWIiOiIx.abc"), ("KEY", "x")],
    ],
)  # fmt: skip
def test_what_looks_like_a_secret(name, value):
    assert looks_secret(name, value)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        *[("SEED", "7"), ("KEYBOARD", "de"), ("AUTHOR", "Ann"), ("MONKEY", "x"), ("PASSES", "3")],
        *[("TOKENIZER", "bpe"), ("URL", "https://host/a:b@c"), ("MODE", "task-2"), ("PATH", "/bin")],
    ],
)
def test_what_does_not(name, value):
    assert not looks_secret(name, value)


def test_an_argument_that_looks_like_a_secret_is_warned_of(make_job, client_of, alice):
    assert has_secret(["--token=abc"])
    assert has_secret(["--password", "abc"])
    assert not has_secret(["--epochs", "3", "data/key.csv"])
    page = client_of(alice).get(f"/jobs/{make_job(arguments=['--token=a']).pk}/capsule/").content.decode()
    assert "An argument looks like a secret" in page


def test_the_same_job_gives_the_same_bytes(make_job, client_of, alice):
    job, client = make_job(status="succeeded"), client_of(alice)
    one, other = (b"".join(client.get(f"/jobs/{job.pk}/capsule.zip").streaming_content) for _ in range(2))
    assert one == other


def test_a_strangers_capsule_is_not_there(make_job, client_of, charlie):
    job = make_job()
    for address in ("capsule/", "capsule.zip", "changes/"):
        missing = client_of(charlie).get(f"/jobs/{job.pk + 1}/{address}")
        foreign = client_of(charlie).get(f"/jobs/{job.pk}/{address}")
        assert foreign.status_code == missing.status_code == 404
        one, other = (re.sub(r'data-now="\d+"', "", answer.content.decode()) for answer in (foreign, missing))
        assert one == other
