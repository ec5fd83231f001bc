"""Template tags and filters that every page of the portal uses: statuses, sizes, durations, times, icons."""

from datetime import datetime
from functools import lru_cache
from html import escape
from typing import Any, NamedTuple

from django import template
from django.http import HttpRequest
from django.template.loader import get_template
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString, mark_safe

from jobs.provenance.wording import number_text
from teams.wording import readable_amount, readable_bytes, readable_seconds

register = template.Library()


class Look(NamedTuple):
    """How a status looks wherever it appears; the word comes with it, so that colour never stands alone."""

    word: str
    colour: str
    icon: str


LOOKS = {
    "queued": Look("Queued", "grey", "clock"),
    "starting": Look("Starting", "blue", "arrow"),
    "running": Look("Running", "blue", "dot"),
    "finishing": Look("Finishing", "blue", "tray"),
    "succeeded": Look("Succeeded", "green", "tick"),
    "failed": Look("Failed", "red", "cross"),
    "cancelled": Look("Cancelled", "grey", "stroke"),
    "error": Look("Error", "orange", "triangle"),
}
ENDED_BADLY = ("failed", "cancelled", "error")


@register.simple_tag
def icon(name: str) -> SafeString:
    """The inline drawing `templates/icons/<name>.html`; hidden from screen readers, so words go beside it."""
    return _drawing(name)


@lru_cache
def _drawing(name: str) -> SafeString:
    """Rendered once per process: a page of the history has a hundred of them."""
    svg = get_template(f"icons/{name}.html").render()
    return mark_safe(svg.strip())  # noqa: S308 - our own template, rendered without any context


@register.simple_tag
def status_badge(job: Any) -> SafeString:
    """A job's status as icon, word and colour; `job` has `status` and, if it likes, its own `status_label`."""
    return status_mark(str(job.status), getattr(job, "status_label", ""))


@register.simple_tag
def phase_icon(state: str) -> SafeString:
    """The drawing of a phase that is over: a tick, or the icon of the status in which the job ended there."""
    look = LOOKS["succeeded" if state == "done" else state] if state in ("done", *ENDED_BADLY) else None
    return icon(look.icon) if look else mark_safe("")


@register.simple_tag
def status_mark(status: str, word: str = "") -> SafeString:
    """The same badge for a bare status; an unknown one is shown by its own name in grey."""
    return _badge(status, word)


@lru_cache(maxsize=64)
def _badge(status: str, word: str) -> SafeString:
    look = LOOKS.get(status) or Look(status.capitalize(), "grey", "info")
    return format_html(
        '<span class="status-badge status-{} is-{}">{}<span class="status-word">{}</span></span>',
        look.colour,
        status,
        icon(look.icon),
        word or look.word,
    )


@register.filter(name="bytes")
def bytes_(count: float | None) -> str:
    """A number of bytes in binary units: `1536` is "1.5 KiB"; None is an empty string."""
    return "" if count is None else readable_bytes(count)


@register.filter
def metric_number(number: float | None) -> str:
    """A metric's value with the six digits that count; None is a dash."""
    return "–" if number is None else number_text(number)


@register.filter
def amount(number: float | None) -> str:
    """A number as short as it is useful: `1234.5` is "1,234"; None is a dash."""
    return "–" if number is None else readable_amount(number)


@register.filter
def duration(seconds: float | None) -> str:
    """A number of seconds in its two largest units: `252` is "4 min 12 s"; None is an empty string."""
    return "" if seconds is None else readable_seconds(max(0, seconds))


@register.simple_tag
def when(moment: datetime | None) -> SafeString:
    """A moment as `<time>`: "3 min ago" to read, the exact one on hover; the page keeps it fresh."""
    if moment is None:
        return SafeString("–")
    passed = ago((timezone.now() - moment).total_seconds())
    return _time("data-relative", "", timezone.localtime(moment), passed)


@register.simple_tag
def ticking(since: datetime | None) -> SafeString:
    """The time that has passed since a moment, as a duration that ticks while the page is open."""
    if since is None:
        return SafeString("–")
    passed = duration(max(0, int((timezone.now() - since).total_seconds())))
    return _time("data-ticks", "since ", timezone.localtime(since), passed)


def _time(kind: str, before: str, local: datetime, shown: str) -> SafeString:
    exactly = escape(before + _exact(local))
    return SafeString(
        f'<time {kind} datetime="{local.isoformat(timespec="seconds")}" title="{exactly}">{escape(shown)}</time>'
    )


@register.filter
def exact(moment: datetime | None) -> str:
    """A moment with its date, seconds and time zone: "24 Nov 2026, 05:01:07 UTC"."""
    return "" if moment is None else _exact(timezone.localtime(moment))


def _exact(local: datetime) -> str:
    return f"{local.day} {local:%b %Y, %H:%M:%S %Z}"


def ago(seconds: float) -> str:
    """How long ago in one unit, in words; the page's `times.js` says the same."""
    if seconds < 0:
        return "in " + largest_unit(-seconds) if seconds <= -60 else "now"
    if seconds < 10:
        return "just now"
    return largest_unit(seconds) + " ago"


def largest_unit(seconds: float) -> str:
    """A span rounded down to its largest unit: "3 min", "2 days"."""
    for size, one, many in ((86400, "day", "days"), (3600, "h", "h"), (60, "min", "min")):
        if seconds >= size:
            count = int(seconds // size)
            return f"{count} {one if count == 1 else many}"
    return f"{int(seconds)} s"


@register.simple_tag
def query_with(request: HttpRequest, **changes: Any) -> str:
    """The page's query string with `changes` made; an empty value takes its key away, a new one forgets `page`."""
    query = request.GET.copy()
    query.pop("page", None)
    for key, value in changes.items():
        if value is None or value == "":
            query.pop(key, None)
        else:
            query[key] = str(value)
    return "?" + query.urlencode()
