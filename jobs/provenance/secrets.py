"""Which variables look like secrets: their values leave the portal in no capsule. Pure."""

import re
from collections.abc import Mapping

# In a name, between its words: DB_PASSWORD, apiKey, GITHUB_TOKEN; not KEYBOARD or AUTHOR.
_WORDS = re.compile(
    r"(?:^|_)(?:pass|passwd|password|passphrase|pwd|pw|secret|secrets|token|tokens|apikey|key|keys|auth|bearer"
    r"|credential|credentials|creds|private|cookie|session|dsn|sas|pat)(?:_|\d|$)"
)
_GLUED = re.compile(r"password|passwd|secret|apikey|accesskey|privatekey|authtoken|credential")
_HUMP = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")
# A login inside an address; what well-known services give out; a token of three parts; a private key.
_VALUES = re.compile(
    r"://[^/\s:@]*:[^/\s@]+@"
    r"|\b(?:gh[pousr]_|github_pat_|glpat-|xox[abprs]-|sk-|hf_|AKIA|ASIA|AIza|swa_|dop_v1_|npm_|pypi-)[\w-]{12,}"
    r"|\beyJ[\w-]{10,}\.[\w-]{10,}\.[\w-]*"
    r"|-----BEGIN [A-Z ]*PRIVATE KEY"
)


def looks_secret(name: str, value: str) -> bool:
    """Rather one too many: a hidden value is named, and can be typed again."""
    words = _HUMP.sub("_", name).lower().replace("-", "_")
    return bool(_WORDS.search(words) or _GLUED.search(words.replace("_", "")) or _VALUES.search(value))


def parted(environment: Mapping[str, str]) -> tuple[dict[str, str], list[str]]:
    """The variables that may be shown outside, and the names of the others."""
    shown = {name: value for name, value in environment.items() if not looks_secret(name, value)}
    return shown, sorted(environment.keys() - shown.keys())


def has_secret(arguments: list[str]) -> bool:
    """An argument looks like one: `--token=…`, `--password …`, or by its value."""
    return any(
        looks_secret(argument.partition("=")[0].lstrip("-") if argument.startswith("--") else "", argument)
        for argument in arguments
    )
