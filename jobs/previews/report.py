"""What an HTML report loads: it is shown without a network and without the files beside it, and the page says so."""

import re

from jobs.previews.decoding import decode

HEAD_BYTES = 256 * 1024
LOADS = "This report loads files from elsewhere, which is not allowed here: download it to see all of it."
# Nothing follows what is repeated, so nothing is tried twice: any content is looked through in one go.
OPENING = re.compile(
    r"<(?:!--|(script|style|link|img|iframe|embed|object|source|video|audio)\b((?:\"[^\"]*\"|'[^']*'|[^<>\"']+)*))",
    re.IGNORECASE,
)
ENDS = {
    name: re.compile(end, re.IGNORECASE)
    for name, end in {"": "-->", "script": "</script", "style": "</style"}.items()
}
INSIDE = r"(?!data:|blob:|about:|javascript:|#)[^\s\"'>)]"
LOADED = re.compile(rf"(?<![\w-])(?:src|data)\s*=\s*[\"']?{INSIDE}", re.IGNORECASE)
STYLES = re.compile(rf"(?<![\w-])href\s*=\s*[\"']?{INSIDE}", re.IGNORECASE)
IN_STYLES = re.compile(rf"@import\s|url\([\"']?{INSIDE}", re.IGNORECASE)


def loads_from_elsewhere(head: bytes) -> bool:
    """Whether a file with this beginning asks for scripts, styles, pictures or frames that are not in it."""
    text = decode(head[:HEAD_BYTES], is_cut=True).text or ""
    at = 0
    while found := OPENING.search(text, at):
        name, attributes = (found[1] or "").lower(), found[2] or ""
        if LOADED.search(attributes) or (name == "link" and _is_stylesheet(attributes)):
            return True
        at = found.end()
        if name not in ENDS:
            continue
        # A script's own text, a style sheet, a comment: tags in there are none.
        end = ENDS[name].search(text, at)
        begin, at = at, end.start() if end else len(text)
        if name == "style" and IN_STYLES.search(text, begin, at):
            return True
    return False


def _is_stylesheet(attributes: str) -> bool:
    return "stylesheet" in attributes.lower() and STYLES.search(attributes) is not None
