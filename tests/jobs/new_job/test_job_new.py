"""New job: the form that waits, its files and fields, and the job that is made of it."""

import json
import re

import pytest
from django.core.files.storage import default_storage
from django.core.files.uploadedfile import SimpleUploadedFile
from django.urls import reverse

from jobs.models import Blob, BundleFile, Draft, Job
from jobs.views.new import RESUMED
from tests import cast

HELLO = b"print('hello')\n"


def upload(name: str = "train.py", content: bytes = HELLO) -> SimpleUploadedFile:
    return SimpleUploadedFile(name, content)


def paths() -> list[str]:
    return list(BundleFile.objects.order_by("path").values_list("path", flat=True))


def field(page: str, name: str) -> str:
    """The field's element and what is said about it."""
    error = re.search(rf'id="error-{name}"[^>]*>(.*?)</div>', page, re.S)
    return re.sub(r"<[^>]+>", "", error[1]).strip() if error else ""


def test_a_script_that_is_uploaded_and_run_becomes_a_job_with_a_frozen_bundle_and_a_hint(
    client, url, alice, team, image, profile, monkeypatch, django_capture_on_commit_callbacks
):
    hinted = []
    monkeypatch.setattr("jobs.hints.hint_cluster", hinted.append)
    with django_capture_on_commit_callbacks(execute=True):
        answer = client.post(url, {"file": upload(), "arguments": "--n 3 'a b'", "action": "run"})
    job = Job.objects.get()
    assert answer.url == job.get_absolute_url()
    assert (job.owner, job.team, job.name, job.entry, job.status) == (
        alice,
        team,
        "train",
        "train.py",
        "queued",
    )
    assert job.command == ["python3", "-u", "train.py", "--n", "3", "a b"]
    assert job.bundle.is_frozen
    assert [file.path for file in job.bundle.files.all()] == ["train.py"]
    assert (job.profile_label, job.memory_bytes) == (profile.name, profile.memory_bytes)
    assert job.time_limit_seconds == 3600
    assert hinted == [image.cluster_id]
    assert job.events.get().sentence == "Submitted by Alice Ames."
    assert not Draft.objects.exists()


def test_every_field_reaches_the_job(client, url, image):
    large = cast.new_profile(image.cluster, name="Large", cpu_millis=4000, position=1)
    fields = {
        "file": [upload("a.py"), upload("b.py")],
        "entry": "b.py",
        "image": image.pk,
        "profile": large.pk,
        "environment": "A=1\r\n# no\r\nB= two",
        "time_limit": "30 min",
        "name": "March forecast",
        "tags": "march, forecast",
    }
    client.post(url, fields | {"action": "run"})
    job = Job.objects.get()
    assert (job.entry, job.profile, job.cpu_millis) == ("b.py", large, 4000)
    assert job.environment == {"A": "1", "B": " two"}
    assert (job.time_limit_seconds, job.name, job.tags) == (1800, "March forecast", ["march", "forecast"])


def test_the_form_is_resumed_with_everything_until_it_is_sent(client, url):
    client.post(url, {"file": upload(), "arguments": "--x", "name": "mine", "action": "save"})
    again = client.get(reverse("job_new"), follow=True)
    page = again.content.decode()
    assert again.redirect_chain[-1][0] == url + RESUMED
    assert "--x" in page
    assert 'value="mine"' in page
    assert "train.py" in page
    client.post(url, {"action": "run"})
    assert client.get(reverse("job_new")).url != url


def test_a_form_that_was_sent_leads_to_its_job_with_a_sentence(client, url):
    client.post(url, {"file": upload(), "action": "run"})
    job = Job.objects.get()
    for answer in (
        client.get(url, follow=True),
        client.post(url, {"file": upload("other.py"), "arguments": "x", "action": "run"}, follow=True),
    ):
        assert answer.redirect_chain[-1][0] == job.get_absolute_url()
        assert any("sent already" in str(message) for message in answer.context["messages"])
    assert Job.objects.count() == 1
    assert [file.path for file in job.bundle.files.all()] == ["train.py"]


def test_a_form_whose_job_was_deleted_leads_to_the_list(client, url):
    client.post(url, {"file": upload(), "action": "run"})
    Job.objects.update(deleted_at="2026-01-01T00:00Z", cancel_requested_at="2026-01-01T00:00Z")
    answer = client.get(url)
    assert answer.url == reverse("job_list")


def test_a_script_that_saves_a_sent_form_gets_404_and_no_message(client, url):
    client.post(url, {"file": upload(), "action": "run"})
    assert client.post(url, {"arguments": "x", "action": "save", "script": "1"}).status_code == 404
    assert not list(client.get(reverse("job_list"), follow=True).context["messages"])


@pytest.mark.parametrize(
    ("name", "value", "says"),
    [
        ("arguments", 'a "b', "never closed"),
        ("environment", "A=1\nSTELLWERK_X=1", "Line 2: names that begin with STELLWERK_"),
        ("time_limit", "soon", "is not a time"),
        ("time_limit", "99 days", "longest time limit"),
        ("name", "x" * 121, "at most 120"),
        ("tags", "x" * 41, "longer than 40"),
        ("entry", "trian.py", "Did you mean “train.py”?"),
        ("image", "999999", "no longer there"),
        ("profile", "nonsense", "no longer there"),
        ("team", "999999", "no longer there"),
    ],
)
def test_a_mistake_is_said_at_its_field_and_nothing_is_lost(client, url, name, value, says):
    typed = {"arguments": "--keep", "environment": "KEEP=1", "name": "kept", "tags": "kept-tag"} | {
        name: value
    }
    answer = client.post(url, {"file": upload(), "action": "run"} | typed)
    page = answer.content.decode()
    assert answer.status_code == 422
    assert not Job.objects.exists()
    assert says.replace('"', "&quot;") in field(page, name)
    assert f'href="#id_{name}"' in page
    assert Draft.objects.get().fields | typed == Draft.objects.get().fields
    assert paths() == ["train.py"]


def test_a_form_without_a_script_says_so_at_the_file_to_start(client, url):
    page = client.post(url, {"action": "run"}).content.decode()
    assert "There is no script yet" in field(page, "entry")


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"", "empty"),
        (b"\x7fELF\x02\x01" + bytes(50), "compiled program"),
        ("print(1)".encode("utf-16"), "UTF-16"),
        ("x = 'ä'".encode("latin-1"), "Latin-1"),
        (b"a\0b", "binary"),
    ],
)
def test_a_file_that_cannot_be_a_script_is_told_at_once_and_stops_the_job(client, url, content, says):
    page = client.post(url, {"file": upload("train.py", content), "action": "upload"}, follow=True)
    assert says in field(page.content.decode(), "entry")
    assert client.post(url, {"action": "run"}).status_code == 422
    assert not Job.objects.exists()


def test_a_warning_about_the_script_does_not_stop_the_job(client, url, image):
    image.entry_commands |= {".sh": ["bash"]}
    image.save()
    page = client.post(url, {"file": upload("run.sh", b"echo 1\r\n"), "action": "upload"}, follow=True)
    assert "Windows line endings" in field(page.content.decode(), "entry")
    client.post(url, {"action": "run"})
    assert Job.objects.get().command == ["bash", "run.sh"]


def test_the_environment_follows_the_script_until_somebody_chooses_one(client, url, image):
    other = cast.new_image(
        image.cluster, label="R 4", reference="local/r", entry_commands={".R": ["Rscript"]}, position=1
    )
    page = client.post(url, {"file": upload("fit.R", b"1+1\n"), "action": "upload"}, follow=True)
    assert f'<option value="{other.pk}" selected>' in page.content.decode()
    # The page's own guess, posted back, is no choice.
    client.post(url, {"image": other.pk, "guessed_image": other.pk, "action": "save"})
    client.post(url, {"remove": "fit.R"})
    page = client.post(url, {"file": upload(), "action": "upload"}, follow=True)
    assert f'<option value="{image.pk}" selected>' in page.content.decode()
    page = client.post(
        url, {"image": other.pk, "guessed_image": image.pk, "entry": "train.py", "action": "run"}
    )
    assert "Choose the environment “Python 3”" in field(page.content.decode(), "entry")


def test_what_an_admin_switched_off_is_named_at_its_field(client, url, image, profile):
    client.post(url, {"file": upload(), "image": image.pk, "profile": profile.pk, "action": "save"})
    cast.new_image(image.cluster, label="Other")
    image.is_enabled = profile.is_enabled = False
    image.save()
    profile.save()
    cast.new_profile(image.cluster, name="Other")
    page = client.post(url, {"action": "run"}).content.decode()
    assert "“Python 3” was switched off" in field(page, "image")
    assert "“Small” was switched off" in field(page, "profile")


def test_nothing_is_offered_on_a_cluster_that_is_switched_off(client, url, image):
    image.cluster.is_enabled = False
    image.cluster.save()
    page = client.post(url, {"file": upload(), "action": "run"}).content.decode()
    assert "No environment is switched on" in field(page, "image")


def test_a_profile_of_another_cluster_is_refused(client, url, image):
    elsewhere = cast.new_profile(cast.new_cluster("far", "Far away"), name="Huge")
    page = client.post(url, {"file": upload(), "image": image.pk, "profile": elsewhere.pk, "action": "run"})
    assert "is a profile of Far away" in field(page.content.decode(), "profile")


def test_a_user_of_several_teams_chooses_and_one_of_none_is_told(client_of, alice, client, url, other_team):
    alice.memberships.create(team=other_team)
    assert 'name="team"' in client.get(url).content.decode()
    client.post(url, {"file": upload(), "team": other_team.pk, "action": "run"})
    assert Job.objects.get().team == other_team
    lonely = client_of(cast.new_user("lonely"))
    page = lonely.post(lonely.get(reverse("job_new")).url, {"file": upload(), "action": "run"})
    assert "You are in no team yet" in field(page.content.decode(), "team")


def test_another_team_cannot_be_chosen(client, url, other_team):
    client.post(url, {"file": upload(), "team": other_team.pk, "action": "run"})
    assert not Job.objects.exists()


def test_the_page_shows_the_exact_command_where_when_and_what_may_stop_it(client, url, make_job):
    make_job(status="running")
    make_job(status="queued")
    client.post(url, {"file": upload(), "arguments": "'a b'", "time_limit": "2h", "action": "save"})
    page = client.get(url).content.decode()
    assert "python3 -u train.py &#x27;a b&#x27;</pre>" in page
    assert "This machine, Small" in page
    assert "Starts at once." in page
    assert "It is stopped after 2 h." in page
    assert "2 GiB of memory" in page


def test_a_cluster_that_cannot_be_reached_is_told_before(client, url, cluster):
    cluster.unreachable_since = "2026-01-01T00:00Z"
    cluster.save()
    assert "cannot be reached at the moment" in client.get(url).content.decode()


def test_files_are_removed_one_by_one_by_folder_or_all(client, url):
    files = {"file": [upload(), upload()], "path": ["a.py", "b.py"]}
    inside = {"inside": [upload(), upload()], "inside_path": ["data/x.csv", "data.csv"]}
    client.post(url, files | inside | {"action": "upload"})
    assert paths() == ["a.py", "b.py", "data.csv", "data/x.csv"]
    client.post(url, {"remove": "a.py"})
    client.post(url, {"remove": "data/"})
    assert paths() == ["b.py", "data.csv"]
    client.post(url, {"remove": "b.py\0"})
    client.post(url, {"action": "remove_all"})
    assert paths() == []


def test_the_same_path_again_replaces_the_file(client, url):
    client.post(url, {"file": upload(), "action": "upload"})
    client.post(url, {"file": upload(content=b"print(2)\n"), "action": "upload"})
    file = BundleFile.objects.select_related("blob").get()
    with default_storage.open(file.blob.key) as content:
        assert content.read() == b"print(2)\n"


def test_the_same_content_is_stored_once(client, url):
    client.post(url, {"file": [upload("a.py"), upload("b.py")], "action": "upload"})
    assert len(paths()) == 2
    assert Blob.objects.count() == 1


def test_pasted_code_becomes_a_file_and_run_takes_it_along(client, url):
    client.post(
        url, {"code": "print(1)\r\nprint(2)\r\n", "code_name": "", "code_language": ".py", "action": "run"}
    )
    job = Job.objects.get()
    file = job.bundle.files.get()
    assert (file.path, job.name) == ("main.py", "main")
    with default_storage.open(file.blob.key) as content:
        assert content.read() == b"print(1)\nprint(2)\n"


def test_pasted_code_with_a_bad_name_stays_in_its_field(client, url):
    answer = client.post(url, {"code": "print(1)", "code_name": "../evil.py", "action": "add_code"})
    page = answer.content.decode()
    assert "leads out of the folder" in page
    assert "print(1)</textarea>" in page
    assert not paths()


def test_an_uploaded_text_can_be_edited_in_the_page(client, url):
    client.post(url, {"file": upload(), "action": "upload"})
    page = client.post(url, {"edit": "train.py"}, follow=True).content.decode()
    assert "print(&#x27;hello&#x27;)" in page
    client.post(url, {"code": "print(3)", "code_name": "train.py", "action": "add_code"})
    assert Draft.objects.get().fields["code"] == ""
    with default_storage.open(BundleFile.objects.get().blob.key) as content:
        assert content.read() == b"print(3)"


@pytest.mark.parametrize("content", [b"\xff\xfe\0", b"a\0b"])
def test_what_is_no_text_cannot_be_edited_and_says_so(client, url, content):
    client.post(url, {"file": upload("data.bin", content), "action": "upload"})
    page = client.post(url, {"edit": "data.bin"}).content.decode()
    assert "“data.bin”" in page
    assert not Draft.objects.get().fields.get("code")


def test_start_over_gives_another_form_and_keeps_the_one_before(client, url):
    client.post(url, {"file": upload(), "arguments": "x", "action": "save"})
    fresh = client.post(url, {"arguments": "y", "action": "start_over"}).url
    assert fresh != url
    page = client.get(fresh).content.decode()
    assert "The one before is kept" in page
    assert f'href="{url}"' in page
    before = Draft.objects.order_by("pk").get(pk=url.rstrip("/").rpartition("/")[2])
    assert before.fields["arguments"] == "y"
    assert paths()
    assert client.get(reverse("job_new")).url == fresh


def test_start_over_on_an_empty_form_stays_there(client, url):
    assert client.post(url, {"action": "start_over"}).url == url
    assert Draft.objects.count() == 1


def test_a_nul_that_was_typed_is_no_error(client, url):
    assert client.post(url, {"arguments": "a\0b", "action": "save"}).status_code == 302
    assert Draft.objects.get().fields["arguments"] == "ab"


def test_a_script_gets_the_parts_of_the_page_instead_of_a_redirect(client, url):
    answer = client.post(url, {"file": upload(), "action": "upload", "script": "1"})
    page = answer.content.decode()
    assert answer.status_code == 200
    assert page.startswith('<div id="draft-parts">')
    assert 'data-kept="1"' in page
    assert "<html" not in page
    answer = client.post(url, {"arguments": "'", "action": "save", "script": "1"})
    assert "never closed" in field(answer.content.decode(), "arguments")


def test_a_body_that_was_cut_off_keeps_nothing(client, url):
    cut = {"begin": "1", "file": upload(), "arguments": "x", "action": "run"}
    page = client.post(url, cut).content.decode()
    assert "cut off" in page
    assert not paths()
    assert not Draft.objects.get().fields
    client.post(url, cut | {"file": upload(), "end": "1"})
    assert Job.objects.get().arguments == ["x"]


def test_other_forms_that_were_not_sent_are_linked(client, url, make_job):
    job = make_job(status="succeeded", name="older")
    changed = client.post(reverse("job_run_with_changes", args=[job.pk])).url
    assert client.get(reverse("job_new")).url == url
    page = client.get(url).content.decode()
    assert changed in page
    assert "older" in page


def test_strangers_colleagues_and_the_signed_out_do_not_find_the_form(
    client_of, bob, charlie, dana, url, client
):
    client.post(url, {"file": upload(), "action": "upload"})
    for other in (bob, charlie, dana):
        assert client_of(other).get(url).status_code == 404
        assert client_of(other).post(url, {"action": "run"}).status_code == 404
    client.logout()
    assert client.get(url).url.startswith(reverse("account_login"))
    assert client.get(reverse("job_new")).url.startswith(reverse("account_login"))
    assert not Job.objects.exists()


def test_files_and_paths_that_do_not_match_are_refused(client, url):
    assert client.post(url, {"file": [upload(), upload()], "path": ["a.py"]}).status_code == 400
    assert not paths()


def test_typed_fields_are_plain_text_in_the_database(client, url):
    client.post(url, {"name": "<script>alert(1)</script>", "action": "save"})
    assert "<script>alert(1)" not in client.get(url).content.decode()
    assert json.dumps(Draft.objects.get().fields)
