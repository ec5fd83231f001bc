"""Files that the script writes to while they are sent, as results so far and at the end; and names that are one."""

import itertools

import pytest

from runner import parts, upload
from runner.keeping import Keeper
from runner.results import Inputs, Wanted, find_results
from runner.upload import Uploader
from runner.volume import Volume

CHANGED = "it changed while it was read"


@pytest.fixture
def volume(tmp_path):
    (tmp_path / "work" / "results").mkdir(parents=True)
    return Volume(tmp_path)


@pytest.fixture
def folder(volume):
    return volume.work_dir / "results"


@pytest.fixture
def keeper(client, volume):
    keeper = Keeper(client, volume, Wanted({}, None), "u")
    yield keeper
    keeper.end()
    keeper._client.close()


@pytest.fixture
def while_sent(monkeypatch):
    """What is done whenever the content of a small file was read."""
    acts, read = [], upload.read_blocks

    def read_blocks(*place):
        yield from read(*place)
        for act in acts:
            act()

    monkeypatch.setattr(upload, "read_blocks", read_blocks)
    return acts


def append(path, data):
    with path.open("ab") as file:
        file.write(data)


def rewriting(path):
    """Another content each time."""
    count = itertools.count()
    return lambda: path.write_bytes(b"half %d" % next(count))


def delivered(client, volume):
    """What the final delivery brings, and what it leaves out."""
    found = find_results(volume.work_dir, Inputs({}, {}), Wanted({}, None))
    uploader = Uploader(client, volume.work_dir, found, None)
    uploader.send_all()
    uploader.close()
    return set(uploader.results), {file["path"]: file["why"] for file in found.skipped}


# Results so far


def test_a_file_that_is_written_anew_while_it_is_sent_keeps_what_was_kept_of_it(
    attempt, keeper, folder, while_sent
):
    checkpoint = folder / "checkpoint.pt"
    checkpoint.write_bytes(b"good" * 100)
    (folder / "gone").write_bytes(b"1")
    keeper._keep()
    (folder / "gone").unlink()
    checkpoint.write_bytes(b"half")
    while_sent.append(rewriting(checkpoint))
    keeper._keep()
    assert attempt.kept[-1] == {"results/checkpoint.pt": b"good" * 100}


def test_when_it_is_whole_again_the_new_one_takes_its_place(attempt, keeper, folder, while_sent):
    checkpoint = folder / "checkpoint.pt"
    for content, meanwhile in ((b"good", []), (b"half", [rewriting(checkpoint)]), (b"better", [])):
        checkpoint.write_bytes(content)
        while_sent[:] = meanwhile
        keeper._keep()
    assert [each["results/checkpoint.pt"] for each in attempt.kept] == [b"good", b"good", b"better"]


def test_of_a_log_that_grows_all_the_time_is_kept_what_was_there(attempt, keeper, folder, while_sent):
    log = folder / "train.log"
    log.write_bytes(b"1\n")
    while_sent.append(lambda: append(log, b"2\n"))
    keeper._keep()
    assert attempt.kept[-1] == {"results/train.log": b"1\n"}
    keeper._keep()
    assert attempt.kept[-1] == {"results/train.log": b"1\n2\n"}


def test_so_it_is_with_a_large_log_that_goes_in_parts(attempt, keeper, folder, monkeypatch):
    log, read = folder / "train.log", parts.read_blocks

    def read_blocks(*place):
        yield from read(*place)
        append(log, b"2\n")

    monkeypatch.setattr(parts, "PART_BYTES", 10)
    monkeypatch.setattr(parts, "read_blocks", read_blocks)
    log.write_bytes(b"1\n" * 40)
    keeper._keep()
    keeper._keep()
    first, second = (each["results/train.log"] for each in attempt.kept)
    assert first == b"1\n" * 40
    assert second.startswith(first + b"2\n")


def test_half_of_a_new_file_does_not_pass_for_one_that_grows(attempt, keeper, folder, while_sent):
    checkpoint = folder / "checkpoint.pt"
    checkpoint.write_bytes(b"A" * 100)
    keeper._keep()
    checkpoint.write_bytes(b"B" * 10)
    while_sent.append(lambda: append(checkpoint, b"B" * 60))
    keeper._keep()
    keeper._keep()
    assert attempt.kept[1:] == [{"results/checkpoint.pt": b"A" * 100}] * 2, "shorter, then longer than before"


def test_what_is_overwritten_and_grows_is_not_kept_as_it_never_was(attempt, keeper, folder, while_sent):
    table = folder / "table"
    table.write_bytes(b"count=1\n")
    rows = itertools.count()

    def add():
        data = table.read_bytes() + b"row\n"
        table.write_bytes(b"count=%d\n" % (next(rows) % 10) + data.partition(b"\n")[2])

    while_sent.append(add)
    keeper._keep()
    assert attempt.kept == [{}]


def test_a_runner_that_does_not_know_what_was_kept_takes_no_beginnings(
    attempt, client, volume, folder, while_sent
):
    """Another one kept the whole file before; its beginning here may be half of a new one."""
    volume.mark("sending")
    keeper = Keeper(client, volume, Wanted({}, None), "u")
    attempt.kept.append({"results/log": b"whole"})
    (folder / "log").write_bytes(b"x")
    while_sent.append(lambda: append(folder / "log", b"y"))
    keeper._keep()
    keeper._client.close()
    assert attempt.kept[-1] == {"results/log": b"whole"}


def test_what_was_removed_while_it_was_sent_goes(attempt, keeper, folder, while_sent):
    file = folder / "a"
    file.write_bytes(b"1")
    keeper._keep()
    file.write_bytes(b"22")
    while_sent += [rewriting(file), file.unlink]
    keeper._keep()
    assert attempt.kept == [{"results/a": b"1"}, {}]


# At the end


def test_at_the_end_a_file_that_grows_is_left_out_as_any_that_changes(
    attempt, client, volume, folder, while_sent
):
    (folder / "log").write_bytes(b"x")
    while_sent.append(lambda: append(folder / "log", b"y"))
    assert delivered(client, volume) == (set(), {"results/log": CHANGED})


@pytest.mark.parametrize(
    ("names", "kept"),
    [
        (["a\\b.txt", "a/b.txt"], "a/b.txt"),
        (["e\u0301.txt", "\u00e9.txt"], "\u00e9.txt"),
        (["x\\e\u0301", "x/e\u0301"], "x/e\u0301"),
    ],
)
def test_of_files_that_have_one_name_at_the_portal_one_is_kept_and_the_other_named(
    attempt, client, volume, folder, names, kept
):
    for name in names:
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_bytes(name.encode())
    (folder / "\u00fc").write_bytes(b"alone")
    (other,) = set(names) - {kept}
    results, skipped = delivered(client, volume)
    assert results == {f"results/{kept}", "results/\u00fc"}
    assert skipped == {f"results/{other}": f"another file has the same name here: results/{kept}"}


def test_of_two_with_one_name_one_is_kept_so_far(attempt, keeper, folder):
    (folder / "a\\b").write_bytes(b"other")
    (folder / "a").mkdir()
    (folder / "a" / "b").write_bytes(b"1")
    keeper._keep()
    assert attempt.kept == [{"results/a/b": b"1"}]
