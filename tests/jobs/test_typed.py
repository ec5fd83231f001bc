"""What people type: arguments, variables, times, tags and names."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jobs.submission import typed
from jobs.submission.typed import Mistyped

DAY = 86400


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", []),
        ("--n 3  x", ["--n", "3", "x"]),
        ("'a b' \"c d\" e\\ f", ["a b", "c d", "e f"]),
        ("$HOME * ~ `date`; rm -rf /", ["$HOME", "*", "~", "`date`;", "rm", "-rf", "/"]),
        ("a\r\nb", ["a", "b"]),
        ("'' x", ["", "x"]),
        ("# no comment", ["#", "no", "comment"]),
    ],
)
def test_arguments_are_split_as_by_a_shell_and_nothing_is_expanded(text, expected):
    assert typed.split_arguments(text) == expected


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("it's", "single quote"),
        ('say "hello', "double quote"),
        ("'a' \"b 'c'", "double quote"),
        ("a\\", "backslash"),
        ("x " * 1001, "1001 arguments"),
        ("x" * (typed.MAX_ONE_BYTES + 1), "too long"),
    ],
)
def test_arguments_that_cannot_be_split_say_why(text, says):
    with pytest.raises(Mistyped, match=says):
        typed.split_arguments(text)


def test_variables_are_read_line_by_line_with_their_values_as_they_are():
    text = '# a comment\r\n\r\nA=1\r\nB = two = "2"\n_c3='
    assert typed.parse_variables(text) == {"A": "1", "B": ' two = "2"', "_c3": ""}


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("A=1\nB", "Line 2: “B” has no “=”"),
        ("1A=1", "Line 1: “1A” cannot be"),
        ("=1", "Line 1"),
        ("export A=1", "Line 1: “export A”"),
        ("A=1\n\nA=2", "Line 3: A is set a second time, after line 1"),
        ("STELLWERK_JOB_ID=7", "Line 1: names that begin with STELLWERK_"),
        ("stellwerk_x=7", "Line 1: names that begin with STELLWERK_"),
        ("Ä=1", "Line 1"),
        ("A=" + "x" * (typed.MAX_ONE_BYTES + 1), "Line 1: the value of A is too long"),
        ("\n".join(f"A{n}=1" for n in range(201)), "At most 200 variables"),
    ],
)
def test_variables_that_cannot_be_set_name_their_line(text, says):
    with pytest.raises(Mistyped) as error:
        typed.parse_variables(text)
    assert says in str(error.value)


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("2h", 7200),
        ("30 min", 1800),
        ("1h 30m", 5400),
        ("1:30", 5400),
        ("0:00:45", 45),
        ("90", 5400),
        ("1.5 hours", 5400),
        ("1,5 h", 5400),
        ("45 seconds", 45),
        (" 1 Day ", DAY),
    ],
)
def test_time_limits_are_read_as_people_write_them(text, seconds):
    assert typed.parse_time_limit(text, DAY) == seconds


@pytest.mark.parametrize("text", ["soon", "2 x", "h", "-5", "1:75", "2h!", "٣", "1e3", "2 h 3", "9" * 12])
def test_what_is_no_time_is_refused_with_an_example(text):
    with pytest.raises(Mistyped, match="Write for example 2h"):
        typed.parse_time_limit(text, DAY)


@pytest.mark.parametrize(("text", "says"), [("25 h", "longest"), ("9" * 9, "longest"), ("3 s", "shortest")])
def test_time_limits_have_bounds(text, says):
    with pytest.raises(Mistyped, match=says):
        typed.parse_time_limit(text, DAY)


@given(st.integers(typed.SHORTEST_SECONDS, 10 * DAY))
def test_a_time_limit_that_is_written_out_is_read_back(seconds):
    assert typed.parse_time_limit(typed.time_limit_text(seconds), 10 * DAY) == seconds


def test_tags_are_kept_once_in_their_order():
    assert typed.split_tags(" b, a ,, b,two  words ") == ["b", "a", "two words"]


@pytest.mark.parametrize("text", ["x" * 41, ",".join("abcdefghijk"), "a\u202eb", "a\x07b"])
def test_bad_tags_are_refused(text):
    with pytest.raises(Mistyped):
        typed.split_tags(text)


def test_a_name_is_one_visible_line():
    assert typed.clean_name("  two\n lines ") == "two lines"
    for bad in ("x" * 121, "evil\u202egnp.py"):
        with pytest.raises(Mistyped):
            typed.clean_name(bad)


@pytest.mark.parametrize(
    ("entry", "name"),
    [("train.py", "train"), ("a/b/fit.R", "fit"), ("model/main.py", "model/main"), ("main.py", "main")],
)
def test_a_job_without_a_name_is_called_after_its_script(entry, name):
    assert typed.name_for(entry) == name
