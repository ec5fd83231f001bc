"""`python -m jobs.reasons_page` writes docs/reasons.md from the catalogue itself."""

import sys
from pathlib import Path
from typing import Any

from clusters.causes import End, Wait
from jobs.catalogue import Own, Situation, explain
from jobs.catalogue.ends import FAILURES, STOPPED
from jobs.catalogue.queued import QUEUED
from jobs.lifecycle import Status

DOCUMENT = Path(__file__).resolve().parent.parent / "docs" / "reasons.md"
INTRODUCTION = """# Why a job waits, and why it ended

Generated from `jobs/catalogue/` by `python -m jobs.reasons_page`; a test holds it fresh. Do not edit.

The *reason* is for machines and never renamed: `clusters/causes.py`, the portal's own in `jobs/catalogue/situation.py`.
People see the sentence and the advice on the job's page; here they are with examples of names and amounts. Where a
cluster's own words matter, they follow the sentence; about images they are long, and stand in the tab Details. What the
cluster noted (Kubernetes events) is there too.
"""
# Names and amounts for the examples.
QUOTA = {"resource": "cpu_millis", "noun": "CPU", "asked": "4 cores", "used": "14 cores", "limit": "16 cores"}
FACTS: dict[str, dict[str, Any]] = {
    Wait.UNSCHEDULABLE: {
        "kind": "resource",
        "resource": "memory",
        "noun": "memory",
        "asked": "64 GiB",
        "free": "16 GiB",
        "missing": "48 GiB",
    },
    Wait.QUOTA: {"noun": "memory", "asked": "16 GiB", "used": "60 GiB", "limit": "64 GiB"},
    **dict.fromkeys((Own.TEAM_QUOTA, Own.CLUSTER_QUOTA, Own.OWN_QUOTA, Own.QUOTA_LENT), QUOTA),
    Own.ITS_TURN: {"behind": "1204"},
    Wait.LIMIT_RANGE: {"noun": "CPU", "asked": "16 cores", "limit": "8 cores"},
    Wait.CONFIG_MISSING: {"kind": "secret", "name": "database"},
    Wait.PULL_SECRET_MISSING: {"name": "registry-login"},
    Wait.NODE_SILENT: {"node": "gpu-7", "since": "14:05 UTC"},
    End.DISK_LIMIT: {"limit": "20 GiB"},
    End.EVICTED: {"resource": "memory"},
}
EXIT_CODES = {Own.EXIT_CODE: 1, Own.SIGNAL: -11}
PLACING: tuple[tuple[str, dict[str, Any]], ...] = (
    (
        "no node has so much",
        {"kind": "resource", "noun": "memory", "asked": "2 TiB", "largest": "256 GiB", "is_never": True},
    ),
    ("a label", {"kind": "label", "labels": "gpu=a100"}),
    ("a taint", {"kind": "taint", "taint": "team=blue"}),
    ("no node takes work", {"kind": "cordoned"}),
    ("too many pods", {"kind": "pods"}),
    ("no nodes", {"kind": "none"}),
)


def document() -> str:
    """The whole page."""
    waits = [_row(reason, reason, _status_of(reason)) for reason in (*QUEUED, *Wait)]
    at = waits.index(next(row for row in waits if row.startswith(f"| `{Wait.UNSCHEDULABLE}`")))
    waits[at + 1 : at + 1] = [
        _row(f"{Wait.UNSCHEDULABLE}` ({what})", Wait.UNSCHEDULABLE, facts=facts) for what, facts in PLACING
    ]
    failed = [_row(reason, reason, Status.FAILED) for reason in FAILURES]
    errors = [
        _row(reason, reason, Status.ERROR)
        for reason in (*End, Own.INVALID, Own.CLUSTER_REFUSED, Own.CLUSTER_REMOVED)
        if reason not in FAILURES
    ]
    stopped = [_row(reason, reason, Status.CANCELLED) for reason in STOPPED]
    return "\n".join(
        [
            INTRODUCTION,
            *_section("While it waits", waits),
            *_section("Failed: the script ran and did not end well", failed),
            *_section("Stopped by the portal itself", stopped),
            *_section("Error: it could not run, or was interrupted", errors),
        ]
    )


def _section(title: str, rows: list[str]) -> list[str]:
    return [f"## {title}\n", "| reason | sentence | advice |", "|---|---|---|", *rows, ""]


def _status_of(reason: str) -> Status:
    if reason == Wait.NODE_SILENT:
        return Status.RUNNING
    return Status.QUEUED if reason in QUEUED else Status.STARTING


def _row(
    name: str, reason: str, status: Status = Status.STARTING, facts: dict[str, Any] | None = None
) -> str:
    told = explain(
        Situation(
            status=status,
            reason=reason,
            stopped_for=reason if status is Status.CANCELLED else "",
            exit_code=EXIT_CODES.get(Own(reason)) if reason in frozenset(Own) else None,
            cluster="Lab",
            entry="`train.R`",
            image="R 4.2",
            memory="16 GiB",
            disk="20 GiB",
            time_limit="2 h",
            facts=FACTS.get(reason, {}) if facts is None else facts,
        )
    )
    label = f"`{name}" if "`" in name else f"`{name}`"
    return f"| {label} | {told.sentence} | {told.advice} |"


if __name__ == "__main__":
    DOCUMENT.write_text(document())
    sys.stdout.write(f"wrote {DOCUMENT}\n")
