"""What the runner saw of interpreter, packages and system: words from a container that belongs to its user. Pure.

Whatever of it is not as expected is left out; no manifest is refused for it.
"""

import re
from typing import Any

LONGEST, LONGEST_NAME = 200, 100
MOST_INTERPRETERS, MOST_PACKAGES = 8, 2000
WORDS = ("system", "kernel", "machine", "libc")
_JOINERS = re.compile(r"[-_.]+")


def versions_of(told: object) -> dict[str, Any]:
    """At most `WORDS`, "interpreters", "packages" (each a mapping of texts) and "packages_left_out"."""
    if not isinstance(told, dict):
        return {}
    found: dict[str, Any] = {word: text for word in WORDS if (text := _text(told.get(word), LONGEST))}
    interpreters = _mapping(told.get("interpreters"), MOST_INTERPRETERS)
    is_python = "Python" in interpreters
    packages = _mapping(told.get("packages"), MOST_PACKAGES, is_python=is_python)
    left_out = told.get("packages_left_out")
    found |= {"interpreters": interpreters} if interpreters else {}
    found |= {"packages": packages} if packages else {}
    if isinstance(left_out, int) and not isinstance(left_out, bool) and 0 < left_out < 1_000_000:
        found["packages_left_out"] = left_out
    return found


def _mapping(told: object, most: int, *, is_python: bool = False) -> dict[str, str]:
    """By name. Python's packages have one name in several spellings (PEP 503)."""
    found: dict[str, str] = {}
    for name, version in told.items() if isinstance(told, dict) else ():
        key = _text(name, LONGEST_NAME)
        key = _JOINERS.sub("-", key).lower() if is_python else key
        if len(found) == most:
            break
        if key and (text := _text(version, LONGEST_NAME)):
            found.setdefault(key, text)
    return dict(sorted(found.items()))


def _text(told: object, longest: int) -> str:
    """One line of characters that can be seen, and that a database can hold."""
    if not isinstance(told, str):
        return ""
    return "".join(char if char.isprintable() else "�" for char in told[:longest]).strip()
