"""HTML that came out of a script's file, cleaned: words, tables and pictures stay; nothing that acts does."""

import re
from copy import deepcopy

import nh3
from django.utils.safestring import SafeString, mark_safe
from pygments.token import STANDARD_TYPES

from jobs.previews.addresses import Addresses

# No forms, no frames, no media, no SVG or MathML (whose parsing rules hide scripts), no ids (the page's own
# scripts look elements up by them), no classes but those of highlighted code and coloured output.
TAGS = (set(nh3.ALLOWED_TAGS) - {"area", "map", "article", "header", "footer", "nav"}) | {"tfoot", "center"}
ATTRIBUTES = deepcopy(nh3.ALLOWED_ATTRIBUTES)
ATTRIBUTES["a"] = {"href", "title"}
ATTRIBUTES["img"] = {"src", "alt", "title", "width", "height"}
TOKEN_CLASSES = {name for name in STANDARD_TYPES.values() if name}
COLOUR_CLASSES = {f"ansi{number}" for number in range(108)}
CLASSES = {"span": TOKEN_CLASSES | COLOUR_CLASSES, "table": {"dataframe"}}
# nh3 writes tags in small letters, and every other "<" as "&lt;".
HEADING = re.compile(r"(</?h)([1-5])(?=[ >])")
HIDDEN_CONTENT = {
    "script",
    "style",
    "noscript",
    "template",
    "iframe",
    "object",
    "title",
    "textarea",
    "select",
}


def cleaned(html: str, addresses: Addresses) -> SafeString:
    """The same text without anything that runs, submits, loads from elsewhere or lays itself over the page.

    Its headings stand one level lower: the page has the one of the first level.
    """

    def judged(tag: str, attribute: str, value: str) -> str | None:
        if attribute == "href":
            return addresses.of_link(value.strip()) if tag == "a" else None
        if attribute == "src":
            return addresses.of_picture(value.strip()) if tag == "img" else None
        if attribute == "cite":
            return None
        return value

    safe = nh3.clean(
        html,
        tags=TAGS,
        clean_content_tags=HIDDEN_CONTENT,
        attributes=ATTRIBUTES,
        attribute_filter=judged,
        allowed_classes=CLASSES,
        url_schemes={"http", "https", "mailto", "data", "attachment"},
        link_rel="noopener noreferrer nofollow",
        strip_comments=True,
    )
    return mark_safe(HEADING.sub(_one_lower, safe))  # noqa: S308 - nh3 made it safe


def _one_lower(found: re.Match[str]) -> str:
    return f"{found[1]}{int(found[2]) + 1}"
