"""What people type into the new-job form, turned into values. Pure; every error is a sentence for the field."""

import re
import shlex
import unicodedata
from pathlib import PurePosixPath

from jobs.uploads.paths import BIDI_CONTROLS
from jobs.uploads.refusal import visible
from teams.wording import readable_seconds

MAX_ARGUMENTS = 1000
# Linux refuses a longer single argument or variable (MAX_ARG_STRLEN); all of them share two MiB.
MAX_ONE_BYTES = 100 * 1024
MAX_ALL_BYTES = 512 * 1024
MAX_VARIABLES = 200
MAX_TAGS, MAX_TAG = 10, 40
MAX_NAME = 120
NAME_OF_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
LINE_END = re.compile(r"\r\n|\r|\n")
OURS = "STELLWERK_"

UNITS = {"s": 1, "sec": 1, "second": 1, "m": 60, "min": 60, "minute": 60, "h": 3600, "hr": 3600, "hour": 3600}
UNITS |= {"d": 86400, "day": 86400}
AMOUNT = re.compile(r"(\d+(?:[.,]\d+)?)\s*([a-z]+)\s*", re.ASCII)
CLOCK = re.compile(r"(\d{1,3}):([0-5]\d)(?::([0-5]\d))?", re.ASCII)
SHORTEST_SECONDS = 10


class Mistyped(ValueError):
    """The user can act: the message says what is wrong and what to write instead."""


def split_arguments(text: str) -> list[str]:
    """The arguments as a POSIX shell would split them; nothing is expanded. Raises Mistyped."""
    try:
        arguments = shlex.split(text)
    except ValueError as error:
        raise Mistyped(_unbalanced(text, str(error))) from None
    if len(arguments) > MAX_ARGUMENTS:
        raise Mistyped(f"These are {len(arguments)} arguments; at most {MAX_ARGUMENTS} are passed on.")
    sizes = [len(argument.encode()) for argument in arguments]
    if max(sizes, default=0) > MAX_ONE_BYTES or sum(sizes) > MAX_ALL_BYTES:
        raise Mistyped("The arguments are too long for a command. Put the values into a file and upload it.")
    return arguments


def _unbalanced(text: str, error: str) -> str:
    if "escaped" in error:
        return "The last character is a lone backslash. Write it twice, or put the text in single quotes."
    quote = _open_quote(text)
    kind = 'double quote (")' if quote == '"' else "single quote (')"
    return f"A {kind} is opened and never closed. Close it, or write \\{quote} where you mean the character."


def _open_quote(text: str) -> str:
    """The quote that is still open at the end, by the rules of a POSIX shell."""
    quote, skip = "", False
    for char in text:
        if skip:
            skip = False
        elif char == "\\" and quote != "'":
            skip = True
        elif quote:
            quote = "" if char == quote else quote
        elif char in "\"'":
            quote = char
    return quote


def parse_variables(text: str) -> dict[str, str]:
    """`NAME=value` per line; empty lines and lines that begin with # are left out. Raises Mistyped."""
    found: dict[str, str] = {}
    lines: dict[str, int] = {}
    for number, line in enumerate(LINE_END.split(text), 1):
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        name, equals, value = line.partition("=")
        name = name.strip()
        _check_variable(number, name, bool(equals), line)
        if name in found:
            raise Mistyped(f"Line {number}: {name} is set a second time, after line {lines[name]}. Keep one.")
        if len(value.encode()) > MAX_ONE_BYTES:
            raise Mistyped(
                f"Line {number}: the value of {name} is too long. Put it into a file and upload it."
            )
        found[name], lines[name] = value, number
    if len(found) > MAX_VARIABLES or len(text.encode()) > MAX_ALL_BYTES:
        raise Mistyped(f"At most {MAX_VARIABLES} variables are passed on. Put the values into a file.")
    return found


def _check_variable(number: int, name: str, has_equals: bool, line: str) -> None:
    if not has_equals:
        raise Mistyped(f"Line {number}: “{visible(line.strip())}” has no “=”. Write NAME=value.")
    if not NAME_OF_VARIABLE.fullmatch(name):
        raise Mistyped(
            f"Line {number}: “{visible(name)}” cannot be a variable's name. Use letters, digits and _,"
            " and do not begin with a digit."
        )
    if name.upper().startswith(OURS):
        raise Mistyped(
            f"Line {number}: names that begin with {OURS} are set by the portal. Choose another name."
        )


def parse_time_limit(text: str, longest_seconds: int) -> int:
    """Seconds from "2h", "30 min", "1h 30m", "1:30" or a bare number of minutes. Raises Mistyped."""
    seconds = _seconds(text.strip().lower())
    if seconds is None:
        raise Mistyped(f"“{visible(text.strip())}” is not a time. Write for example 2h, 30 min or 1h 30m.")
    if seconds > longest_seconds:
        raise Mistyped(
            f"The longest time limit here is {readable_seconds(longest_seconds)}."
            " Choose a shorter one, or ask an admin to raise it."
        )
    if seconds < SHORTEST_SECONDS:
        raise Mistyped(f"The shortest time limit is {SHORTEST_SECONDS} s. Choose a longer one.")
    return seconds


def _seconds(text: str) -> int | None:
    if clock := CLOCK.fullmatch(text):
        hours, minutes, seconds = (int(part or 0) for part in clock.groups())
        return hours * 3600 + minutes * 60 + seconds
    if re.fullmatch(r"\d{1,9}", text, re.ASCII):
        return int(text) * 60
    total, at = 0.0, 0
    while amount := AMOUNT.match(text, at):
        size = UNITS.get(amount[2]) or UNITS.get(amount[2].removesuffix("s"))
        if size is None:
            return None
        total += float(amount[1].replace(",", ".")) * size
        at = amount.end()
    return round(min(total, 1e12)) if at and at == len(text) else None


def time_limit_text(seconds: int) -> str:
    """What `parse_time_limit` reads back as exactly `seconds`."""
    parts = []
    for unit, size in (("h", 3600), ("min", 60), ("s", 1)):
        amount, seconds = divmod(seconds, size)
        if amount:
            parts.append(f"{amount} {unit}")
    return " ".join(parts)


def split_tags(text: str) -> list[str]:
    """Tags between commas, each once, in their order. Raises Mistyped."""
    tags = list(dict.fromkeys(" ".join(tag.split()) for tag in text.split(",") if tag.strip()))
    for tag in tags:
        if len(tag) > MAX_TAG:
            raise Mistyped(f"The tag “{visible(tag)}” is longer than {MAX_TAG} characters. Shorten it.")
        _check_visible(tag, "tag")
    if len(tags) > MAX_TAGS:
        raise Mistyped(f"These are {len(tags)} tags; a job has at most {MAX_TAGS}.")
    return tags


def clean_name(text: str) -> str:
    """The job's name on one line. Raises Mistyped."""
    name = " ".join(unicodedata.normalize("NFC", text).split())
    if len(name) > MAX_NAME:
        raise Mistyped(f"The name is {len(name)} characters long; at most {MAX_NAME} fit. Shorten it.")
    _check_visible(name, "name")
    return name


def name_for(entry: str) -> str:
    """What a job is called when nobody named it: its script, with the folder when the script's name says little."""
    path = PurePosixPath(entry)
    name = path.stem
    if name.lower() in {"main", "run", "script"} and path.parent.name:
        name = f"{path.parent.name}/{name}"
    return name[:MAX_NAME]


def _check_visible(text: str, thing: str) -> None:
    for char in text:
        if char in BIDI_CONTROLS or unicodedata.category(char) == "Cc":
            raise Mistyped(
                f"The {thing} contains a character that cannot be seen ({visible(char)}). Take it out."
            )
