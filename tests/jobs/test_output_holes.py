"""Bytes that were left out of a stream: stored with their place and size, and told wherever the output is read."""

import pytest
from django.urls import reverse
from django.utils import timezone

from jobs.models import Attempt
from jobs.output import outputlog
from jobs.output.holes import DISK, LIMIT, Contradiction, Extent, Hole
from jobs.output.marks import UNKNOWN, ending, so_far
from jobs.output.outputlog import Gap, Place, Reader, Told, append, extents
from jobs.output.outputpages import OutputPages
from tests.jobs.intake_caller import Runner, sha256

NUMBER = 4_100_001
HOLE = Hole(8, 1_234_567, LIMIT)
WORDS = "1,234,567 bytes were left out here"


@pytest.fixture
def stored():
    """Two lines, a hole, two lines; and some stderr."""
    append(NUMBER, "stdout", 0, b"one\ntwo\n")
    append(NUMBER, "stderr", 0, b"oh\n")
    append(NUMBER, "stdout", 8, b"eight\n", Told(0, HOLE))
    append(NUMBER, "stdout", 14, b"nine\n", Told(0, HOLE))
    yield NUMBER
    outputlog.delete(NUMBER)


def read_all(number, most=outputlog.READ_BYTES):
    reader, found = Reader(number), []
    while some := reader.read(most):
        found += some
    return found


# Stored


def test_a_hole_is_stored_once_however_often_its_chunks_come(stored):
    append(stored, "stdout", 8, b"eight\n", Told(0, HOLE))
    assert extents(stored) == {"stdout": Extent(0, (HOLE,)), "stderr": Extent()}
    assert outputlog.sizes(stored) == Place(19, 3)


def test_a_hole_before_missing_bytes_is_a_gap(stored):
    with pytest.raises(Gap) as gap:
        append(stored, "stdout", 25, b"x", Told(0, Hole(20, 5, LIMIT)))
    assert gap.value.size == 19


@pytest.mark.parametrize("hole", [Hole(4, 10, LIMIT), Hole(8, 5, LIMIT), Hole(18, 1, DISK)])
def test_a_hole_within_stored_bytes_or_of_another_size_is_refused(stored, hole):
    with pytest.raises(Contradiction) as other:
        append(stored, "stdout", 19, b"x", Told(0, hole))
    assert (other.value.size, other.value.holes) == (19, (HOLE,))


def test_a_crash_between_the_hole_and_its_bytes_is_mended_by_the_repeat(monkeypatch):
    append(NUMBER, "stdout", 0, b"one\n")

    def dies(*_):
        raise OSError(5, "died")

    with monkeypatch.context() as patch:
        patch.setattr(outputlog, "_write_all", dies)
        with pytest.raises(OSError, match="died"):
            append(NUMBER, "stdout", 4, b"end\n", Told(0, Hole(4, 9, LIMIT)))
    assert append(NUMBER, "stdout", 4, b"end\n", Told(0, Hole(4, 9, LIMIT))) == 8
    assert extents(NUMBER)["stdout"].holes == (Hole(4, 9, LIMIT),)
    outputlog.delete(NUMBER)


def test_a_stream_without_anything_to_tell_has_no_file_for_it(stored):
    append(stored, "stderr", 3, b"more\n", Told(8))
    outputlog.note_end(stored, {"stdout": 19 + HOLE.size, "stderr": 8})
    assert not (outputlog.folder_of(stored) / "stderr.facts").exists()
    assert extents(stored)["stdout"].missing_after(19) == 0


# Read


@pytest.mark.parametrize("most", [1, 3, 8, 1000])
def test_a_reader_is_told_of_the_hole_once_and_before_what_comes_after_it(stored, most):
    found = read_all(stored, most)
    names = [name for name, _ in found]
    at = names.index("stdout-hole")
    assert names.count("stdout-hole") == 1
    assert found[at][1].startswith(WORDS)
    assert "".join(text for name, text in found[:at] if name == "stdout") == "one\ntwo\n"
    assert "".join(text for name, text in found[at:] if name == "stdout") == "eight\nnine\n"


@pytest.mark.parametrize(("place", "times"), [(Place(7, 3), 1), (Place(8, 3), 1), (Place(9, 3), 0)])
def test_whoever_goes_on_behind_the_hole_is_not_told_again(stored, place, times):
    names = [name for name, _ in Reader(stored, place).read()]
    assert names.count("stdout-hole") == times


def test_a_character_that_the_hole_cut_is_no_part_of_what_comes_after_it():
    append(NUMBER, "stdout", 0, b"a\xc3")
    append(NUMBER, "stdout", 2, b"\xa9b", Told(0, Hole(2, 5, LIMIT)))
    texts = [text for name, text in read_all(NUMBER) if name == "stdout"]
    assert "".join(texts) == "a\ufffd\ufffdb"
    outputlog.delete(NUMBER)


@pytest.mark.parametrize("stream", ["all", "stdout"])
def test_the_page_has_a_mark_before_the_first_line_behind_the_hole(stored, stream):
    lines = OutputPages(stored, stream).last().lines
    marked = [line for line in lines if line.mark]
    assert [line.html for line in marked] == ["eight"]
    assert marked[0].mark.startswith(WORDS)
    assert not any(line.mark for line in OutputPages(stored, "stderr").last().lines)
    assert [line.number for line in lines] == ([1, 2, 3, 4, 5] if stream == "all" else [1, 2, 4, 5])


def test_a_hole_within_a_line_is_marked_behind_that_line():
    append(NUMBER, "stdout", 0, b"one\nlong")
    append(NUMBER, "stdout", 8, b"er\nnext\n", Told(0, HOLE))
    lines = OutputPages(NUMBER).last().lines
    assert [(line.html, bool(line.mark)) for line in lines] == [
        ("one", False),
        ("longer", False),
        ("next", True),
    ]
    outputlog.delete(NUMBER)


def test_a_hole_behind_which_no_line_begins_is_told_at_the_end():
    append(NUMBER, "stdout", 0, b"one\nlong")
    append(NUMBER, "stdout", 8, b"er", Told(0, HOLE))
    page = OutputPages(NUMBER).last()
    assert [words.startswith(WORDS) for words in page.marks_after] == [True]
    outputlog.delete(NUMBER)


# Told by the runner, shown to people


@pytest.fixture
def attempt(make_job, make_attempt):
    attempt = make_attempt(make_job(status="running", name="big"))
    yield attempt
    outputlog.delete(attempt.pk)


@pytest.fixture
def runner(attempt):
    runner = Runner(attempt)
    for answer in (runner.claim(), runner.started()):
        assert answer.status_code == 200, answer.content
    attempt.refresh_from_db()
    return runner


def test_the_intake_takes_a_hole_and_tells_it(attempt, runner):
    runner.output(b"one\n")
    answer = runner.output(b"end\n", hole="4,1000,limit")
    assert answer.json()["holes"] == [[4, 1000, "limit"]]
    assert runner.output(b"end\n", offset=4, hole="4,1000,limit").json()["size"] == 8
    answer = runner.output(b"x", offset=8, hole="3,1000,limit")
    assert (answer.status_code, answer.json()["holes"]) == (409, [[4, 1000, "limit"]])


@pytest.mark.parametrize("hole", ["4", "4,5", "4,5,whim", "-4,5,limit", "4,0,limit", "a,b,limit"])
def test_what_is_no_hole_is_refused(runner, hole):
    assert runner.output(b"x", hole=hole).status_code == 400


@pytest.mark.parametrize(("holes", "flags"), [([[4, 1000, "limit"]], 0), ([], 1), ([[4, 999, "limit"]], 1)])
def test_the_manifest_checks_the_hash_of_both_ends_and_the_hole(attempt, runner, holes, flags):
    runner.output(b"one\n")
    runner.output(b"end\n", hole="4,1000,limit")
    runner.ended(stdout_size=1008)
    stream = {"size": 8, "sha256": sha256(b"one\nend\n"), "holes": holes}
    assert runner.collected(stdout=stream).status_code == 200
    attempt.refresh_from_db()
    assert len(attempt.skipped) == flags


def test_past_what_is_shown_the_page_says_how_much_there_is_so_far(
    attempt, runner, settings, client_of, alice
):
    settings.OUTPUT_MAX_BYTES = 1000
    runner.output(b"line\n" * 98)
    assert so_far(attempt.pk) == ""
    runner.output(b"", written=750)
    assert so_far(attempt.pk) == (
        "The script has written 750 bytes to stdout so far; its end is kept and shown when the script is over."
    )
    runner.output(b"", written=123_456)
    words = "The script has written 123,456 bytes to stdout so far; that is more than 1000 B: its end is kept"
    assert so_far(attempt.pk).startswith(words)
    assert words in client_of(alice).get(f"/jobs/{attempt.job_id}/").content.decode()


def test_a_short_way_behind_is_not_worth_a_word(attempt, runner):
    runner.output(b"line\n", written=100_000)
    assert so_far(attempt.pk) == ""


def over(attempt, **facts):
    Attempt.objects.filter(pk=attempt.pk).update(**facts)
    type(attempt.job).objects.update(status="failed", finished_at=timezone.now())
    attempt.refresh_from_db()
    return ending(attempt)


def test_a_pod_that_died_with_bytes_that_never_arrived_is_told_with_their_size(
    attempt, runner, client_of, alice
):
    runner.output(b"so far\n", written=5_007)
    words = "stdout: 5,000 bytes that the script wrote after this never arrived."
    assert over(attempt) == [words]
    assert words in client_of(alice).get(f"/jobs/{attempt.job_id}/").content.decode()


def test_a_pod_that_died_after_it_told_the_end_is_told_with_the_size_it_told(attempt, runner):
    runner.output(b"so far\n")
    runner.ended(exit_code=3, stdout_size=1_007, stderr_size=50)
    assert over(attempt) == [
        "stdout: 1,000 bytes that the script wrote after this never arrived.",
        "stderr: 50 bytes that the script wrote after this never arrived.",
        "The script ended with exit code 3.",
    ]


def test_where_nothing_is_known_of_the_rest_the_page_says_so(attempt, runner):
    runner.output(b"so far\n", written=7)
    assert over(attempt) == [UNKNOWN]


def test_a_full_disk_of_the_pod_is_told_apart(attempt, runner):
    runner.output(b"so far\n")
    runner.output(b"", hole="7,42,disk")
    runner.ended(stdout_size=49)
    assert over(attempt, collected_at=timezone.now()) == [
        "stdout: 42 bytes were lost here: the disk where the script ran was full.",
        "The script ended with exit code 0.",
    ]


@pytest.mark.parametrize(
    ("facts", "words"),
    [
        ({"exit_code": 0}, "The script ended with exit code 0."),
        (
            {"signal": 9, "end_reason": "out_of_memory"},
            "The script ended with signal 9: it used more memory than",
        ),
        ({"exit_code": 127, "end_message": "x: not found"}, "The script was not started: x: not found"),
        ({"end_reason": "stopped"}, "The script was stopped before it had started."),
    ],
)
def test_how_it_ended_is_said_behind_the_last_line(attempt, facts, words):
    (said,) = over(attempt, ended_at=timezone.now(), collected_at=timezone.now(), **facts)
    assert said.startswith(words)


def test_why_a_command_did_not_start_is_a_fact_and_no_output(attempt, runner):
    runner.ended(exit_code=127, message="pyton: not found\0")
    attempt.refresh_from_db()
    assert attempt.end_message == "pyton: not found\\0"
    assert outputlog.sizes(attempt.pk) == Place()


# Downloaded


@pytest.fixture
def download(attempt, runner, client_of, alice):
    runner.output(b"one\ntwo\n")
    runner.output(b"eight\nnine\n", hole="8,1234567,limit")
    url = reverse("job_output_download", args=[attempt.job_id, "stdout"])

    def get(span=""):
        return client_of(alice).get(url, headers={"range": span} if span else {})

    return get


def test_a_download_has_a_line_in_place_of_the_hole(download):
    answer = download()
    lines = b"".join(answer.streaming_content).splitlines()
    assert lines[:2] + lines[3:] == [b"one", b"two", b"eight", b"nine"]
    assert lines[2].startswith(f"[stellwerk: {WORDS}".encode())
    assert int(answer["Content-Length"]) == sum(len(line) + 1 for line in lines)
    assert answer["Content-Disposition"].startswith("attachment")


def test_any_part_of_the_download_can_be_had_alone(download):
    whole = b"".join(download().streaming_content)
    for start in range(len(whole)):
        for end in {start, min(start + 7, len(whole) - 1), len(whole) - 1}:
            answer = download(f"bytes={start}-{end}")
            assert answer.status_code == 206
            assert b"".join(answer.streaming_content) == whole[start : end + 1]
            assert answer["Content-Range"] == f"bytes {start}-{end}/{len(whole)}"
    assert b"".join(download("bytes=-5").streaming_content) == whole[-5:]
    assert b"".join(download("bytes=20-").streaming_content) == whole[20:]
    assert download(f"bytes={len(whole)}-").status_code == 416
    for odd in ("bytes=", "lines=1-2", "bytes=5-2", "bytes=a-b", "bytes=0-1,3-4"):
        assert download(odd).status_code == 200
