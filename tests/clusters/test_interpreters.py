"""Only interpreters that jobs can really be run with are offered."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from clusters import interpreters
from clusters.interpreters import find_interpreters, is_runnable
from clusters.relocated_python import relocated_python

as_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root runs jobs as others")
NOBODY = 65534


def put(folder: Path, name: str, body: str) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    program = folder / name
    program.write_text(f"#!/bin/sh\n{body}\n")
    program.chmod(0o755)
    return program


@pytest.fixture
def folder(tmp_path: Path, monkeypatch) -> Path:
    """A folder for fake programs; where they lie does not matter in the test."""
    monkeypatch.setattr(interpreters, "is_runnable", lambda program: Path(program).is_file())
    return tmp_path / "bin"


def labels(path: Path) -> list[str]:
    return [found.label for found in find_interpreters(str(path))]


def test_python_is_always_found_and_is_not_the_portals_virtual_environment():
    python = find_interpreters()[0]
    assert python.label.startswith("Python 3.")
    program, flag = python.commands[".py"]
    assert flag == "-u"
    prefixes = subprocess.run(
        [program, "-c", "import sys; print(sys.prefix, sys.base_prefix)"],
        capture_output=True,
        text=True,
        check=True,
    )
    assert len(set(prefixes.stdout.split())) == 1
    assert sys.prefix not in prefixes.stdout.split() or sys.prefix == sys.base_prefix


def test_a_folder_on_the_path_that_cannot_be_looked_into_is_passed_over(folder):
    put(folder, "bash", "true")
    assert labels(f"{'x' * 300}{os.pathsep}{folder}")[-1] == "Bash"


@as_root
def test_every_program_found_runs_for_another_account():
    for found in find_interpreters():
        program = next(iter(found.commands.values()))[0]
        subprocess.run(
            [program, "--version"],
            user=NOBODY,
            group=NOBODY,
            extra_groups=[],
            cwd="/",
            check=True,
            capture_output=True,
        )


def test_each_version_is_offered_once_with_the_newest_after_the_default(folder):
    put(folder, "python3", "echo 3 9 $0")
    put(folder, "python3.8", "echo 3 8 $0")
    put(folder, "python3.9", "echo 3 9 $0")
    put(folder, "python3.14", "echo 3 14 $0")
    put(folder, "python3.7", "echo 3 7 $0")
    put(folder, "python3-config", "echo 3 99 $0")
    own = "Python {}.{}".format(*sys.version_info)
    assert labels(folder)[:4] == [own, "Python 3.9", "Python 3.14", "Python 3.8"]
    assert "Python 3.7" not in labels(folder)


def test_r_julia_and_bash_are_found(folder):
    put(folder, "Rscript", "echo 'Rscript (R) version 4.2.2 Patched (2022-11-10 r83330)' >&2")
    put(folder, "julia", "echo julia version 1.11.3")
    put(folder, "bash", "true")
    assert labels(folder)[-3:] == ["R 4.2", "Julia 1.11", "Bash"]
    found = {one.label: one for one in find_interpreters(str(folder))}
    assert set(found["R 4.2"].commands) == {".R", ".r"}
    assert found["Bash"].commands[".sh"] == [str(folder / "bash")]


@pytest.mark.parametrize("body", ["exit 3", "echo no version here", "echo version 4"])
def test_a_program_that_does_not_answer_is_not_offered(folder, body):
    put(folder, "Rscript", body)
    put(folder, "python3", body)
    assert not any(label.startswith("R ") for label in labels(folder))


def test_a_program_behind_a_closed_folder_is_not_runnable_by_others(tmp_path):
    program = put(Path("/tmp") / tmp_path.name, "tool", "true")
    try:
        program.parent.chmod(0o755)
        assert is_runnable(program, by_others=True)
        program.parent.chmod(0o700)
        assert not is_runnable(program, by_others=True)
        assert is_runnable(program, by_others=False)
        link = Path("/tmp") / f"{tmp_path.name}-link"
        link.symlink_to(program)
        try:
            assert not is_runnable(link, by_others=True)
        finally:
            link.unlink()
    finally:
        program.unlink()
        program.parent.rmdir()


def test_what_is_no_program_is_not_runnable(tmp_path):
    plain = tmp_path / "plain"
    plain.write_text("x")
    assert not is_runnable(plain, by_others=False)
    assert not is_runnable(tmp_path / "missing", by_others=False)
    assert not is_runnable(tmp_path, by_others=False)


@as_root
def test_where_no_python_can_be_reached_a_copy_is_made_that_can(monkeypatch):
    monkeypatch.setattr(interpreters, "_python_candidates", lambda _: iter(()))
    (python,) = find_interpreters("/nowhere")
    program = python.commands[".py"][0]
    done = subprocess.run(
        [program, "-u", "-c", "import json, csv, statistics; print(json.dumps(1))"],
        user=100_123, group=100_123, extra_groups=[], cwd="/", check=True, capture_output=True, text=True,
    )  # fmt: skip
    assert done.stdout == "1\n"
    assert relocated_python() == Path(program)


@as_root
def test_a_copy_that_somebody_else_put_there_is_not_run(tmp_path):
    real = relocated_python()
    planted = tmp_path / real.parents[1].name
    planted.mkdir()
    os.chown(planted, NOBODY, NOBODY)
    assert relocated_python(tmp_path) is None
