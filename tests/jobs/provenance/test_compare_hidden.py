"""Secrets leave the portal by no page and no file that compares jobs."""

import csv
import io
import re

import pytest

SECRETS = ("777123", "777124", "48151623", "48151624", "hunter")


@pytest.fixture
def jobs(make_job):
    """The second has the smaller numbers."""
    return [
        make_job(
            name=f"run-{place}",
            arguments=["--token", f"77712{place}", "--token", "hunter2", "db.password=hunter3"]
            + ["-H", "Authorization: Bearer hunter4"],
            environment={"DB_PASSWORD": f"4815162{place}", "SEED": "1"},
        )
        for place in (4, 3)
    ]


def test_the_file_has_no_hidden_value(client_of, alice, jobs):
    response = client_of(alice).get(f"/jobs/compare.csv?ids={jobs[0].pk},{jobs[1].pk}")
    text = b"".join(response.streaming_content).decode("utf-8-sig")
    assert not [secret for secret in SECRETS if secret in text]
    rows = {row[1].lstrip("'"): row[2:] for row in csv.reader(io.StringIO(text))}
    assert rows["variable DB_PASSWORD"] == ["yes", "(hidden)", "(hidden)"]
    assert rows["--token"] == ["yes", "(hidden)", "(hidden)"]
    assert rows["-H"] == ["no", "(hidden)", "(hidden)"]
    assert rows["arguments"][1] == "'--token (hidden) db.password=(hidden)"
    assert rows["variable SEED"] == ["no", "1.0", "1.0"]


@pytest.mark.parametrize("down", ["", "&down=1"])
@pytest.mark.parametrize("key", ["Parameters: --token", "Parameters: variable DB_PASSWORD"])
def test_their_order_is_not_told(client_of, alice, jobs, key, down):
    page = (
        client_of(alice)
        .get(f"/jobs/compare/?ids={jobs[0].pk},{jobs[1].pk}&sort={key}{down}")
        .content.decode()
    )
    assert re.findall(r'<th scope="col"><a [^>]*>(run-\d)', page) == ["run-4", "run-3"]


def test_no_page_that_compares_tells_them(client_of, alice, jobs):
    one, other = (job.pk for job in jobs)
    for address in (f"/jobs/compare/?ids={one},{other}", f"/jobs/{other}/changes/?since={one}"):
        page = client_of(alice).get(address).content.decode()
        assert "(hidden)" in page
        assert not [secret for secret in SECRETS if secret in page]


def test_the_capsule_warns_of_each_kind(client_of, alice, make_job):
    client = client_of(alice)
    for arguments in (["-token", "x"], ["db.password=x"], ["-H", "Authorization: Bearer x"]):
        page = client.get(f"/jobs/{make_job(arguments=arguments).pk}/capsule/").content.decode()
        assert "An argument looks like a secret" in page
    harmless = make_job(arguments=["-p", "8080", "--max-tokens", "512"])
    assert "An argument looks" not in client.get(f"/jobs/{harmless.pk}/capsule/").content.decode()
