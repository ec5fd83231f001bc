"""Hostile archives through the real front and the real web process: nothing outside, little memory, a clear answer."""

import html
import re
import time
from pathlib import Path

import psutil
import pytest
import requests
from django.conf import settings

from jobs.models import BundleFile
from jobs.uploads.paths import clean_path
from tests.jobs.uploads import archive_corpus, archive_fuzz
from tests.jobs.uploads.archive_bytes import zip_of
from tests.jobs.uploads.archive_corpus import Case

pytestmark = [pytest.mark.processes, pytest.mark.django_db(transaction=True)]
MOST_GROWTH = 64 * 1024 * 1024
SEED, DAMAGED = 7, 160
# The corpus whose every archive is refused by the reader (test_upload_archives.py): each third goes all the way.
THIRD = 3
ANSWER = re.compile(r'data-kept="(\d+)" data-refused="(\d+)"')
SENTENCE = re.compile(r'role="alert">.*?<p><strong>(.*?)</strong>', re.DOTALL)


class Uploader:
    """Alice's browser before her form of a new job."""

    def __init__(self, site, user) -> None:
        cookie = site.cookie_of(user)
        self.session = requests.Session()
        self.session.cookies.set(cookie["name"], cookie["value"])
        self.session.headers["Referer"] = site.url
        page = self.session.get(f"{site.url}/new/")
        page.raise_for_status()
        self.url = page.url
        self.token = re.search(r'name="csrfmiddlewaretoken" value="(\w+)"', page.text)[1]

    def send(self, case: Case) -> tuple[int, str]:
        """How many files were kept, and the sentence with which the archive was refused."""
        data = {"csrfmiddlewaretoken": self.token, "path": case.file_name, "begin": "1", "end": "1"}
        data |= {"action": "upload", "script": "1"}
        answer = self.session.post(self.url, data, files={"file": ("file", case.content)}, timeout=60)
        assert answer.status_code == 200, (case.name, answer.status_code)
        kept, refused = map(int, ANSWER.search(answer.text).groups())
        sentence = SENTENCE.search(answer.text)
        assert (kept > 0) != (refused > 0), case.name
        assert bool(sentence) == bool(refused), case.name
        return kept, html.unescape(sentence[1]) if sentence else ""


class Memory:
    """Of the web process that takes the uploads, from now on."""

    def __init__(self, site) -> None:
        master = psutil.Process(site.processes["web"].popen.pid)
        (self._worker,) = master.children()
        self._before = self._worker.memory_info().rss
        Path(f"/proc/{self._worker.pid}/clear_refs").write_text("5")  # the peak counts from here

    def growth(self) -> int:
        status = Path(f"/proc/{self._worker.pid}/status").read_text()
        return int(re.search(r"VmHWM:\s+(\d+) kB", status)[1]) * 1024 - self._before


@pytest.fixture
def uploader(site, alice, image, profile) -> Uploader:
    return Uploader(site, alice)


@pytest.fixture
def memory(site, uploader) -> Memory:
    uploader.send(Case("warm", "warm.zip", zip_of([("main.py", b"1" * 2_000_000)])))
    BundleFile.objects.all().delete()
    return Memory(site)


def outside() -> dict[str, set[str]]:
    """What lies where hostile paths lead: beside the storage, where web runs, and in the system's folders."""
    home = Path(settings.HOME)
    places = (
        home,
        home.parent,
        Path.cwd(),
        Path.cwd().parent,
        Path("/"),
        Path("/tmp"),
        Path("/etc"),
        Path.home(),
    )
    found = {str(place): {entry.name for entry in place.iterdir()} for place in places}
    for names in found.values():
        names.difference_update({name for name in names if not re.search("evil|escape|canary", name)})
    return found | {"arriving": {path.name for path in home.rglob("incoming-*")}}


def settled(before: dict[str, set[str]]) -> dict[str, set[str]]:
    """As `outside`, once all is put away: that goes on for a moment after the answer is there."""
    deadline = time.monotonic() + 20
    while (found := outside()) != before and time.monotonic() < deadline:
        time.sleep(0.05)
    return found


def check(case: Case, uploader: Uploader, memory: Memory, before: dict[str, set[str]]) -> bool:
    """True when it was taken: then under clean names only."""
    kept, sentence = uploader.send(case)
    paths = list(BundleFile.objects.values_list("path", flat=True))
    assert len(paths) == kept, case.name
    for path in paths:
        assert clean_path(path) == path, case.name
    if not kept:
        assert sentence.endswith("."), case.name
        assert sentence.isprintable(), case.name
        assert "“" in sentence or "name" in sentence, (case.name, sentence)
    assert memory.growth() <= MOST_GROWTH, (case.name, memory.growth())
    if kept:
        BundleFile.objects.all().delete()
        assert settled(before) == before, case.name
    return kept > 0


def test_more_than_500_hostile_archives_leave_nothing_outside_and_take_little_memory(uploader, memory):
    cases = [*list(archive_corpus.cases())[::THIRD], *archive_fuzz.cases(SEED, DAMAGED)]
    assert len({(case.file_name, case.content) for case in cases}) >= 500
    before = outside()
    taken = {case.name for case in cases if check(case, uploader, memory, before)}
    assert settled(before) == before
    assert taken <= {case.name for case in archive_fuzz.cases(SEED, DAMAGED)}
    assert {"zip name 'con'", "tar name '-rf'", "zip name '%00'"} <= taken, (
        "odd names are no reason to refuse"
    )


def test_giants_are_refused_or_taken_as_one_file_in_little_memory(uploader, memory):
    before = outside()
    for case in archive_fuzz.giants():
        check(case, uploader, memory, before)
    assert settled(before) == before
