"""Which file is started, and whether it looks like something that can be started."""

import pytest

from jobs.uploads.entry import command_for, entry_problem, guess_entry_file, looks_like_script

COMMANDS = {".py": ["python3", "-u"], ".R": ["Rscript"], ".sh": ["bash"]}


@pytest.mark.parametrize(
    ("paths", "entry"),
    [
        (["train.py"], "train.py"),
        (["b.py", "main.py", "a.py"], "main.py"),
        (["run.sh", "train.py"], "run.sh"),
        (["model/main.py", "x.py"], "x.py"),
        (["model/model.py", "model/other.py"], "model/model.py"),
        (["data.csv", "fit.r"], "fit.r"),
        (["README.md", "setup.py", "test_x.py", "conftest.py", "fit.py"], "fit.py"),
        ([".hidden.py", "data.csv"], None),
        (["notes.txt"], None),
        ([], None),
    ],
)
def test_the_entry_is_guessed(paths, entry):
    assert guess_entry_file(paths, COMMANDS) == entry
    assert guess_entry_file(paths[::-1], COMMANDS) == entry


@pytest.mark.parametrize(
    ("head", "says"),
    [
        (b"", "empty"),
        (b"  \n\n", "empty"),
        (b"\xef\xbb\xbf\n", "empty"),
        (b"\x7fELF\x02", "compiled program"),
        (b"\x89PNG\r\n", "PNG"),
        (b"PK\x03\x04", "zip"),
        ("print(1)".encode("utf-16"), "UTF-16"),
        (b"abc\0def", "binary"),
        ("# Größe\nx = 'ä'".encode("latin-1"), "line 1"),
    ],
)
def test_what_is_no_script_is_named(head, says):
    problem = looks_like_script(head, "train.py")
    assert problem is not None
    assert not problem.is_warning
    assert says in problem.sentence


@pytest.mark.parametrize(
    "head",
    [
        b"print(1)\n",
        b"\xef\xbb\xbfprint(1)",
        "print('日本')".encode()[:-4],  # cut within a character
        "# -*- coding: latin-1 -*-\nx = 'ä'".encode("latin-1"),
        b"print(1)\r\n",
    ],
)
def test_scripts_are_let_through(head):
    assert looks_like_script(head, "train.py") is None


@pytest.mark.parametrize("head", [b"echo 1\r\n", b"\xef\xbb\xbfecho 1\n"])
def test_a_shell_is_warned_about_but_not_stopped(head):
    problem = looks_like_script(head, "run.sh")
    assert problem is not None
    assert problem.is_warning


def test_a_missing_entry_names_the_closest_file():
    problem = entry_problem("trian.py", ["train.py", "data.csv"], b"", COMMANDS)
    assert problem is not None
    assert "trian.py" in problem.sentence
    assert "train.py" in problem.advice


def test_of_a_notebook_it_says_how_it_becomes_a_script():
    problem = entry_problem("Fit.ipynb", ["Fit.ipynb"], b"{}", COMMANDS)
    assert problem is not None
    assert "is a notebook" in problem.sentence
    assert "jupyter nbconvert --to script" in problem.advice
    assert entry_problem("Fit.ipynb", ["Fit.ipynb"], b"{}", {".ipynb": ["papermill"]}) is None


def test_an_entry_without_a_command_names_what_the_environment_starts():
    problem = entry_problem("a.jl", ["a.jl"], b"println(1)", COMMANDS)
    assert problem is not None
    assert ".R, .py, .sh" in problem.advice


def test_no_entry_is_a_problem():
    assert entry_problem("", ["a.py"], b"", COMMANDS) is not None


def test_the_command_is_the_environments_with_the_script_and_its_arguments():
    assert command_for("a/fit.r", COMMANDS, ["x", "y z"]) == ["Rscript", "a/fit.r", "x", "y z"]
    with pytest.raises(ValueError, match="no command"):
        command_for("a.jl", COMMANDS, [])


def test_a_script_that_is_called_like_an_option_is_still_a_file():
    assert command_for("-c.py", COMMANDS, []) == ["python3", "-u", "./-c.py"]
