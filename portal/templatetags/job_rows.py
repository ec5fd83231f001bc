"""A row of the list of jobs, put together here: fifty by a template's tags took longer than anything else of a page."""

from collections.abc import Iterable
from datetime import datetime
from functools import lru_cache
from html import escape
from typing import Any
from urllib.parse import quote

from django import template
from django.urls import get_script_prefix, reverse
from django.utils.safestring import SafeString, mark_safe

from portal.templatetags.stellwerk import duration, icon, status_badge, ticking, when

register = template.Library()


@register.simple_tag
def job_row(job: Any, searched: str = "") -> SafeString:
    """One job as a `<tr>`; with what was `searched`, its hits. A job that goes on says where to ask for it anew."""
    row = (
        f'<tr id="job-{job.pk}" class="job-row"{_live(job, searched)}>\n'
        f'  <td class="cell-select"><input class="form-check-input" type="checkbox" name="job" value="{job.pk}"'
        f' aria-label="Select {escape(job.name)}"></td>\n'
        f'  <td class="cell-status">{status_badge(job)}{_note("cancelling") if job.is_cancelling else ""}</td>\n'
        f'  <th scope="row" class="cell-name">{_name(job)}</th>\n'
        f'  <td class="cell-who">{escape(job.owner.display_name)}</td>\n'
        f'  <td class="cell-where">{escape(job.cluster.name)}</td>\n'
        f'  <td class="cell-profile">{escape(job.profile_label)}</td>\n'
        f'  <td class="cell-started">{when(job.started_at) if job.started_at else _wait(job)}</td>\n'
        f'  <td class="cell-took">{_took(job.running_since, job.took_seconds)}</td>\n'
        "</tr>"
    )
    return mark_safe(row)  # noqa: S308 (each text in it is escaped)


@register.simple_tag
def job_rows(jobs: Iterable[Any], searched: str = "") -> SafeString:
    """The rows of these jobs."""
    return mark_safe("\n".join(job_row(job, searched) for job in jobs))  # noqa: S308 (rows are)


def _live(job: Any, searched: str) -> str:
    if job.is_finished:
        return ""
    ages = " data-live-ages" if job.status == "queued" else ""
    asked = f"?text={quote(searched)}" if searched else ""
    return f' data-live-job="{job.pk}"{ages} data-live-url="{escape(_address("job_row", job.pk) + asked)}"'


def _address(page: str, job_id: int) -> str:
    before, after = _around_id(page, get_script_prefix())
    return f"{before}{job_id}{after}"


@lru_cache
def _around_id(page: str, prefix: str) -> tuple[str, str]:
    """What stands around a job's id in the page's address, which `prefix` begins: asked for once, not for each row."""
    before, _, after = reverse(page, args=[0]).rpartition("0")
    return before, after


def _name(job: Any) -> str:
    name = job.name_hit.html if job.name_hit else escape(job.name)
    pin = (
        f' <span class="row-pin" title="Pinned: no rule deletes anything of it">{icon("pin")}'
        '<span class="visually-hidden">pinned</span></span>'
        if job.pinned_at
        else ""
    )
    tags = "".join(f' <span class="tag">{escape(tag)}</span>' for tag in job.tags)
    return f'<a href="{_address("job_detail", job.pk)}" data-job-link>{name}</a>{pin}{tags}{_hits(job)}'


def _hits(job: Any) -> str:
    hits = "".join(
        f'<li><span class="hit-where">{escape(hit.where)}</span> <span class="hit-text">{hit.html}</span></li>'
        for hit in job.hits
    )
    return f'<ul class="hits" aria-label="Found in">{hits}</ul>' if hits else ""


def _wait(job: Any) -> str:
    label = job.queue_label
    waits = f"waits for {ticking(job.created_at)}{_note(label) if label else ''}"
    quiet = f'<span class="quiet">{"never started" if job.is_finished else waits}</span>'
    if not job.told_start:
        return quiet
    likely = escape(str(job.told_start.words))
    return f'{quiet}<span class="row-likely" title="Likely to start in {likely}">≈ {likely}</span>'


def _took(running_since: datetime | None, seconds: float | None) -> str:
    return ticking(running_since) if running_since else escape(duration(seconds)) or "–"


def _note(words: str) -> str:
    return f'<span class="row-note">{escape(words)}</span>'
