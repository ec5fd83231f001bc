"""The rules for results as people type them: globs between commas or on lines, and sizes. Errors are for the field."""

import re

from jobs.submission.typed import LINE_END, Mistyped
from jobs.uploads.paths import BIDI_CONTROLS
from jobs.uploads.refusal import visible
from teams.wording import readable_bytes

MAX_GLOBS, MAX_GLOB = 20, 200
SIZE = re.compile(r"(\d+(?:[.,]\d+)?)\s*([kmgt]?)(i?)b?(?:ytes?)?", re.ASCII | re.IGNORECASE)
BRACKET = re.compile(r"\[!?([^/][^\]/]*)\]")
POWERS = {"": 0, "k": 1, "m": 2, "g": 3, "t": 4}


def split_globs(text: str) -> list[str]:
    """Each glob once, in its order. Raises Mistyped."""
    globs = list(dict.fromkeys(part.strip() for part in LINE_END.sub(",", text).split(",") if part.strip()))
    for glob in globs:
        if problem := _problem(glob):
            raise Mistyped(f"“{visible(glob[:60])}” {problem}")
    if len(globs) > MAX_GLOBS:
        raise Mistyped(f"These are {len(globs)} rules; a job has at most {MAX_GLOBS}.")
    return globs


def _problem(glob: str) -> str:
    if len(glob) > MAX_GLOB:
        return f"is longer than {MAX_GLOB} characters. Shorten it."
    if any(char < " " or char == "\x7f" or char in BIDI_CONTROLS for char in glob):
        return "contains a character that cannot be seen. Take it out."
    if glob.startswith("!"):
        return "begins with !, which turns no rule round here. Name under “Leave out” what should go."
    if "\\" in glob:
        return "has a backslash. Write folders with / between them; [*] is a star itself."
    if glob.startswith(("/", "~")):
        return "does not begin at the working directory. Write it without what stands before, like results/*.csv."
    if any(part in (".", "..") for part in glob.split("/")):
        return "has . or .. as a folder. Rules begin at the working directory: leave it out."
    if "//" in glob:
        return "has two slashes in a row. Write one."
    if any("**" in part and part != "**" for part in glob.split("/")):
        return (
            "has ** within a name. It stands for whole folders, as in data/**/*.csv; within a name write *."
        )
    return _bracket_problem(glob)


def _bracket_problem(glob: str) -> str:
    at = 0
    while (at := glob.find("[", at)) >= 0:
        bracket = BRACKET.match(glob, at)
        if bracket is None:
            return "has a [ that is never closed. Close it with ], or write [[] where you mean the character."
        at = bracket.end()
        if any(low > high for low, high in re.findall(r"(.)-(.)", bracket[1])):
            return "has a range that runs backwards. Write the smaller character first, like [a-z]."
    return ""


def parse_size(text: str, most: int, thing: str) -> int:
    """Bytes from "500 MB", "10 GiB" or a bare number of bytes; GB and GiB are the same here. Raises Mistyped."""
    found = SIZE.fullmatch(text.strip())
    if found is None:
        raise Mistyped(f"“{visible(text.strip()[:60])}” is not a size. Write for example 500 MB or 10 GiB.")
    size = int(float(found[1].replace(",", ".")) * 1024 ** POWERS[found[2].lower()])
    if size > most:
        raise Mistyped(
            f"{thing} can be {readable_bytes(most)} at most here. Choose less, or a larger profile."
        )
    return size


def size_text(size: int) -> str:
    """What `parse_size` reads back as exactly `size`."""
    for power, unit in ((4, "TiB"), (3, "GiB"), (2, "MiB"), (1, "KiB")):
        if size and size % 1024**power == 0:
            return f"{size // 1024**power} {unit}"
    return str(size)
