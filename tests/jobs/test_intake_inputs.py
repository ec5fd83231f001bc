"""GET /intake/inputs: the job's files as a tar stream."""

import io
import tarfile

from tests.jobs.intake_caller import Runner


def unpacked(answer):
    with tarfile.open(fileobj=io.BytesIO(b"".join(answer.streaming_content))) as archive:
        assert all(member.isreg() for member in archive.getmembers())
        return {member.name: archive.extractfile(member).read() for member in archive.getmembers()}


def test_all_files_arrive_with_their_content(make_job, make_attempt):
    files = {"main.py": b"print(1)\n", "empty": b"", "Größe/ä b.csv": b"x" * 100_000, "n" * 150: b"long"}
    attempt = make_attempt(make_job(status="starting", files=files))
    answer = Runner(attempt).inputs()
    assert answer.status_code == 200
    assert answer.headers["Content-Type"] == "application/x-tar"
    assert unpacked(answer) == files
