"""New job with a form from before: what was put away and forgotten is not sent unseen."""

import re
from datetime import timedelta

from django.core.files.uploadedfile import SimpleUploadedFile
from django.urls import reverse
from django.utils import timezone

from jobs.models import Draft, Job


def said(answer) -> str:
    """The note at the top that tells of a form from before, as text."""
    found = re.search(r'<div class="note[^"]*" id="resumed">(.*?)</div>', answer.content.decode(), re.S)
    return " ".join(re.sub(r"<[^>]+>", "", found[1]).split()) if found else ""


def put_away(client, url, *names: str, **fields) -> None:
    files = [SimpleUploadedFile(name, b"print(1)\n") for name in names]
    client.post(url, {"file": files, "action": "save", **fields})
    Draft.objects.update(updated_at=timezone.now() - timedelta(days=3))


def test_a_form_from_before_says_when_and_names_its_files_at_the_top(client, url):
    put_away(client, url, "stray.py", "old.csv")
    answer = client.get(reverse("job_new"), follow=True)
    assert "This form is from before. You changed it last 3 days ago" in said(answer)
    assert "It came with 2 files: old.csv, stray.py." in said(answer)
    page = answer.content.decode()
    assert page.index('id="resumed"') < page.index('id="new-job"')
    assert 'form="new-job" name="action" value="start_over"' in page[page.index('id="resumed"') :]


def test_of_many_files_the_first_are_named_and_the_others_counted(client, url):
    put_away(client, url, *(f"{letter}.py" for letter in "abcdefgh"))
    told = said(client.get(reverse("job_new"), follow=True))
    assert "8 files: a.py, b.py, c.py, d.py, e.py and 3 more." in told


def test_a_form_with_nothing_but_words_is_from_before_too(client, url):
    put_away(client, url, arguments="--rounds 20")
    assert "It came without files." in said(client.get(reverse("job_new"), follow=True))


def test_an_empty_form_and_one_that_is_worked_on_say_nothing(client, url):
    assert not said(client.get(reverse("job_new"), follow=True))
    answer = client.post(url, {"file": SimpleUploadedFile("a.py", b""), "action": "save"}, follow=True)
    assert not said(answer)


def test_starting_over_from_there_gives_an_empty_form(client, url):
    put_away(client, url, "stray.py")
    answer = client.post(url, {"action": "start_over"}, follow=True)
    assert not said(answer)
    assert not Draft.objects.order_by("-created_at")[0].bundle.files.exists()
    assert not Job.objects.exists()
