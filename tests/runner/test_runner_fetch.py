"""Claim and inputs: nothing that is not claimed is written, nothing damaged is kept."""

import io
import os
import stat
import tarfile

import pytest

from runner.fetch import ClaimRefused, InputsBroken, check_path, claim, fetch_inputs
from runner.volume import Volume
from tests.runner import stub_intake
from tests.runner.stub_intake import Attempt, Fault


@pytest.fixture
def volume(tmp_path):
    return Volume(tmp_path)


FILES = {"train.py": b"print(1)", "data/a.csv": b"x" * 3_000_000, "data/empty": b"", "ü ñ.txt": b"u"}


def test_a_granted_claim_is_kept_where_only_we_can_read_it(client, intake, volume):
    intake.attempts["t"] = Attempt(["true"])
    assert claim(client, volume, "u") == volume.read("claim")
    assert stat.S_IMODE((volume.root / "claim.json").stat().st_mode) == 0o600


@pytest.mark.parametrize("attempt", [Attempt(["true"], uid="other"), Attempt(["true"], cancelled=True)])
def test_a_refused_claim_is_a_clear_sentence(client, intake, volume, attempt):
    intake.attempts["t"] = attempt
    with pytest.raises(ClaimRefused, match="nothing was started"):
        claim(client, volume, "u")
    assert not volume.has("claim")


def test_the_files_arrive_as_they_were_submitted(client, intake, volume):
    intake.attempts["t"] = Attempt(["true"], files=FILES, executable={"train.py"})
    fetch_inputs(client, volume, claim(client, volume, "u")["files"], None)
    assert {path: (volume.work_dir / path).read_bytes() for path in FILES} == FILES
    assert os.access(volume.work_dir / "train.py", os.X_OK)
    assert stat.S_IMODE((volume.work_dir / "data/a.csv").stat().st_mode) == 0o600
    assert set(volume.read("inputs")) == set(FILES)


@pytest.mark.parametrize("kind", ["cut", "500", "drop", "reset"])
def test_a_stream_that_breaks_is_asked_for_again(client, intake, volume, kind):
    intake.attempts["t"] = Attempt(["true"], files=FILES)
    intake.faults.append(Fault("/intake/inputs", kind, times=2))
    fetch_inputs(client, volume, claim(client, volume, "u")["files"], None)
    assert (volume.work_dir / "data/a.csv").read_bytes() == FILES["data/a.csv"]


def test_files_that_always_arrive_damaged_are_an_error(client, intake, volume, monkeypatch):
    monkeypatch.setattr("runner.portal_client.time.sleep", lambda _: None)
    monkeypatch.setattr("runner.portal_client.LONGEST_PAUSE", 0.0)
    intake.attempts["t"] = Attempt(["true"], files={"a": b"1"})
    files = claim(client, volume, "u")["files"]
    intake.attempts["t"].files["a"] = b"2"
    with pytest.raises(InputsBroken, match="damaged"):
        fetch_inputs(client, volume, files, None)


@pytest.mark.parametrize("path", ["../up", "/etc/passwd", "a/../../b", "a//b", "", ".", "a/.", "a\0b"])
def test_a_path_out_of_the_working_directory_is_refused(path):
    with pytest.raises(InputsBroken):
        check_path(path)


def tar_of(*members):
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        for name, kind, target in members:
            member = tarfile.TarInfo(name)
            member.type, member.linkname = kind, target
            archive.addfile(member)
    return buffer.getvalue()


@pytest.mark.parametrize(
    "members",
    [
        [("a", tarfile.SYMTYPE, "/etc/passwd")],
        [("a", tarfile.LNKTYPE, "/etc/passwd")],
        [("a", tarfile.FIFOTYPE, "")],
        [("a", tarfile.CHRTYPE, "")],
        [("a", tarfile.DIRTYPE, "")],
        [("b", tarfile.REGTYPE, "")],
        [("../a", tarfile.REGTYPE, "")],
    ],
)
def test_only_the_claimed_regular_files_are_taken_from_the_stream(
    client, intake, volume, monkeypatch, members
):
    intake.attempts["t"] = Attempt(["true"], files={"a": b""})
    monkeypatch.setattr(stub_intake, "input_tar", lambda _: tar_of(*members))
    with pytest.raises(InputsBroken, match="none of the job's files"):
        fetch_inputs(client, volume, claim(client, volume, "u")["files"], None)
    assert list(volume.work_dir.iterdir()) == []


def test_no_files_need_no_request(client, intake, volume):
    intake.attempts["t"] = Attempt(["true"])
    fetch_inputs(client, volume, [], None)
    assert volume.work_dir.is_dir()
    assert intake.requests == []
