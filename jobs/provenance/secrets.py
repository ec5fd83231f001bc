"""What looks like a secret in variables and arguments. No comparison shows its value. Pure."""

import re
import shlex
from collections import deque
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

HIDDEN = "(hidden)"

# Words in small letters with "_" between them, however they were written: DB_PASSWORD, apiKey, db.password.
_HUMP = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")
_BETWEEN = re.compile(r"[^a-z0-9]+")
_NAMES = re.compile(
    r"""
    pass_?(?:wor[dt]|wd|phrase|code|key)|kennwort|secret|credential|authori[sz]ation  # glued, too: PGPASSWORD
    |(?:api|access|private|account|ssh|signing|encryption)_?key  # a key that opens something; several of them, too
    |(?:pass|pwd|token|jwt)(?:_|\d|$)                            # the end of a word: DBPASS, HFTOKEN, GITHUB_TOKEN2
    |(?:^|_)(?:pw|tokens|key|auth|bearer|creds|private|cookie|session|dsn|sas|pat)(?:_|\d|$)  # not MONKEY, not AUTHOR
    |(?:^|_)pin$                                                 # at the end: not PIN_MEMORY
    """,
    re.VERBOSE,
)
# Taken out of a name before it is judged.
_INNOCENT = re.compile(
    r"""(?:^|_)(?:
    (?:max|min|n|num|per|pad|eos|bos|unk|mask|sep|cls|special|stop|start|end)_?tokens?(?:_ids?)?  # of a text
    |token_(?:count|type|limit|dropout|embed|classif|dim|len|level|size|rate)[a-z]*
    |(?:primary|foreign|sort|join|group|partition|index|public|cache|merge|row|prng|rng)_?key  # of a table, of a draw
    |key_(?:dim|size|col|name|field)[a-z]*
    |(?:by|com|over|low|high|band)pass                           # English, and filters
    |(?:n|num|forward|backward|first|second|single)_pass|pass_(?:rate|count|threshold)
    )(?=_|\d|$)""",
    re.VERBOSE,
)
# With a number they count something: IMAGE_TOKENS=256, session=2.
_COUNTS = re.compile(r"(?:^|_)(?:tokens(?=_|$)|session$)")
_NUMBER = re.compile(r"[+-]?(?:\d[\d_]*(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d+)?")
# USE_AUTH_TOKEN=true: a switch, or nothing at all.
_SWITCHES = frozenset(("", "true", "false", "yes", "no", "on", "off", "none", "null"))
# Everything is bounded: a value may have 100 KiB, and a page twenty jobs.
_VALUES = re.compile(
    r"""
    ://[^/?\#\s:\[]{0,100}:(?!//|\d{1,5}[/?\#,"'}\]])[^\s@]{1,200}@  # a login inside an address; no port, no digest
    |https?://[^/?\#\s:@]{20,100}@                               # a token in a login's place
    |(?i:[?&](?:sig|signature|x-(?:amz|goog)-signature)=[^&\s])  # an address that is signed
    |hooks\.slack\.com/(?:services|workflows|triggers)/\w        # whoever has such an address may post
    |discord(?:app)?\.com/api/webhooks/\w|webhook\.office\.com/\w
    |\b(?:gh[pousr]_|hf_|npm_|dop_v1_|gsk_|dapi|[sr]k_live_|AKIA|ASIA)[A-Za-z0-9]{16}  # not hf_transformers
    |\bswa_\d{1,18}_[0-9a-f]{16}                                # our own: jobs/models/attempt.py
    |\b(?:github_pat_|glpat-|xox[abprs]-|xapp-|AIza|pypi-AgE|nvapi-|hvs\.)[\w-]{12,}  # what services give out
    |\bsk-(?:\w{1,20}-){0,4}(?=[a-zA-Z_]{0,50}\d)\w{12,}         # the same; not sk-learn
    |\beyJ[\w-]{10,500}\.[\w-]{10,}\.                           # a JSON web token of three parts
    |-----BEGIN\ [A-Z ]{0,40}PRIVATE\ KEY
    |\A(?i:bearer)\s+\S                                          # a header's value
    |\b(?i:bearer|basic)\s{1,9}(?=\S{0,100}(?:[\d=]|[a-z][A-Z]))[\w.~+/-]{6,}  # not “basic training”
    """,
    re.VERBOSE,
)
# Names with values inside of a value: they are judged as if each stood by itself.
_PAIRS = re.compile(
    r"""(?:
    (?<![^\s;,&?\#{"'(=])[-+~]*([A-Za-z_][\w.-]*)["']?\s*=\s*     # --password=x, ?token=x, ;Pwd=x, host=db password=x
    |(?<![^{,"'\n])[ \t]*-*([A-Za-z_][\w.-]*)["']?\s*:\s*         # Authorization: x, {"password": "x"}
    |(?<!\S)--?([A-Za-z_][\w.-]*)\s+(?!-)                         # --password x
    )["']?(?=([^\s;,&"'}]{1,200}))""",
    re.VERBOSE,
)
_PLAIN = re.compile(r"[-+~]*[A-Za-z][\w./@-]*")


@dataclass(frozen=True)
class Argument:
    """An option with its value, or another word: `words` as they were typed. `name` is an option's, with its dashes."""

    words: tuple[str, ...]
    name: str = ""
    value: str = ""
    is_secret: bool = False

    @property
    def shown(self) -> str:
        """For a shell, with HIDDEN in the secret's place."""
        if not self.is_secret:
            return shlex.join(self.words)
        if len(self.words) > 1:
            return f"{shlex.quote(self.name)} {HIDDEN}"
        name, sign, _ = self.words[0].partition("=")
        is_plain = sign and _PLAIN.fullmatch(name) and not looks_secret("", name)
        return f"{name}={HIDDEN}" if is_plain else HIDDEN


def looks_secret(name: str, value: str) -> bool:
    """Rather one too many: a hidden value is named, and can be typed again. `name` is "" for a value by itself."""
    return (
        _is_named_secret(name, value)
        or bool(_VALUES.search(value))
        or any(_is_named_secret(pair[1] or pair[2] or pair[3], pair[4]) for pair in _PAIRS.finditer(value))
    )


def parted(environment: Mapping[str, str]) -> tuple[dict[str, str], list[str]]:
    """The variables that may be shown outside, and the names of the others."""
    shown = {name: value for name, value in environment.items() if not looks_secret(name, value)}
    return shown, sorted(environment.keys() - shown.keys())


def has_secret(arguments: Iterable[str]) -> bool:
    """An argument looks like one, by its option's name or by its value."""
    return any(argument.is_secret for argument in arguments_of(arguments))


def arguments_of(words: Iterable[str]) -> Iterator[Argument]:
    """In their order. An option's value is what follows its "=", or the next word that is no option."""
    left = deque(words)
    while left:
        word = left.popleft()
        name, sign, value = word.partition("=")
        if not _is_option(name) or looks_secret("", name):
            yield Argument((word,), is_secret=looks_secret("", word))
        elif sign or not left or _is_option(left[0]):
            yield Argument((word,), name, value, looks_secret(name, value))
        else:
            value = left.popleft()
            yield Argument((word, value), name, value, looks_secret(name, value))


def _is_option(word: str) -> bool:
    return (
        word.startswith("-") and len(word) > 1 and not _NUMBER.fullmatch(word) and not word.startswith("---")
    )


def _is_named_secret(name: str, value: str) -> bool:
    if value.lower() in _SWITCHES:
        return False
    words = _INNOCENT.sub("", _BETWEEN.sub("_", _HUMP.sub("_", name).lower()))
    return bool(_NAMES.search(_COUNTS.sub("", words) if _NUMBER.fullmatch(value) else words))
