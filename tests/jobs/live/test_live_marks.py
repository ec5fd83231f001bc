"""What a browser that watches is told beside the script's lines: what is missing, what is not shown yet, the end."""

import pytest

from jobs import hints
from jobs.output import outputlog
from jobs.output.holes import Hole
from jobs.output.tails import Tail
from tests.jobs.live.live_reader import do, open_stream, run, session_of
from tests.jobs.output_writer import finish, store

pytestmark = pytest.mark.django_db(transaction=True)


def test_a_hole_is_told_between_the_lines_and_how_it_ended_behind_them(running, alice):
    job, attempt = running
    key = session_of(alice)
    store(attempt, b"one\n")

    async def watch():
        async with open_stream(f"/live/jobs/{job.pk}/output", key) as stream:
            await stream.until_text("one\n")
            await do(store, attempt, b"end\n", told=outputlog.Told(0, Hole(4, 1_234_567, "limit")))
            await stream.until_text("end\n")
            first, mark, last = stream.chunks
            assert (first, last) == (["out", "one\n"], ["out", "end\n"])
            assert mark[0] == "out-mark"
            assert mark[1].startswith("1,234,567 bytes were left out here")
            await do(finish, job, 3)
            end = await stream.until(lambda event: event.kind == "end")
            assert end.data == {"marks": ["The script ended with exit code 3."]}
            assert stream.place == "8,0"

    run(watch())


def test_while_the_end_is_not_shown_yet_the_browser_hears_how_much_there_is(running, alice, settings):
    settings.OUTPUT_MAX_BYTES = 1000
    job, attempt = running
    key = session_of(alice)
    store(attempt, b"line\n" * 98)

    async def watch():
        async with open_stream(f"/live/jobs/{job.pk}/output", key) as stream:
            await stream.until_text("line\n" * 98)
            for written in (5000, 70_000):
                await do(store, attempt, b"", told=outputlog.Told(written))
                more = await stream.until(lambda event: event.kind == "so-far")
                assert more.data["words"].startswith(
                    f"The script has written {written:,} bytes to stdout so far"
                )
            await do(store, attempt, b"last\n", told=outputlog.Told(0, Hole(490, 69_505, "limit")))
            more = await stream.until(lambda event: event.kind == "so-far")
            assert more.data == {"words": ""}

    run(watch())


def test_the_newest_lines_are_told_each_time_and_taken_back_with_the_rest(running, alice):
    job, attempt = running
    key = session_of(alice)
    store(attempt, b"line\n" * 98)

    def tell(at, data):
        outputlog.keep_tail(attempt.pk, "stdout", Tail(at, data))
        hints.announce(job.pk, "output")

    async def watch():
        async with open_stream(f"/live/jobs/{job.pk}/output", key) as stream:
            await stream.until_text("line\n" * 98)
            for at, data in ((5000, b"newest\n"), (70_000, "newer \u00e9\n\u00e9".encode()[:-1])):
                await do(tell, at, data)
                said = await stream.until(lambda event: event.kind == "so-far")
                words = f"{at - 490:,} bytes of stdout are not shown while the script runs. Its newest lines:"
                assert said.data["newest"] == [["out", words, data.decode(errors="ignore")]]
            rest = "newer \u00e9\n\u00e9".encode()
            await do(store, attempt, rest, told=outputlog.Told(0, Hole(490, 69_510, "limit")))
            said = await stream.until(lambda event: event.kind == "so-far")
            assert said.data == {"words": ""}
            await do(finish, job, 0)
            end = await stream.until(lambda event: event.kind == "end")
            assert end.data == {"marks": ["The script ended with exit code 0."]}

    run(watch())
