"""Every route there is, out of the resolver, so that no route can be forgotten."""

from collections.abc import Iterator

from django.urls import URLPattern, URLResolver, get_resolver

from tests.portal.access.clusters import CLUSTERS
from tests.portal.access.jobs import JOBS
from tests.portal.access.portal import PORTAL
from tests.portal.access.teams import TEAMS

MATRIX = JOBS | CLUSTERS | TEAMS | PORTAL
# The live process's; tests/jobs/live and tests/portal/test_metrics.py test theirs.
LIVE = {"job_output_stream", "job_changes", "live_metrics"}


def routes(urlconf: str, *, is_admin: bool = False) -> dict[str, URLPattern]:
    """Every route by name (by its path where it has none), those below admin/ or all others."""
    return {
        pattern.name or path: pattern
        for path, pattern, namespace in walk(get_resolver(urlconf), "", "")
        if (namespace == "admin") is is_admin
    }


def walk(resolver: URLResolver, prefix: str, namespace: str) -> Iterator[tuple[str, URLPattern, str]]:
    for entry in resolver.url_patterns:
        path = prefix + str(entry.pattern)
        if isinstance(entry, URLResolver):
            yield from walk(entry, path, entry.namespace or namespace)
        else:
            yield path, entry, namespace


def names_of(pattern: URLPattern) -> list[str]:
    """What the address of the route holds beside its words."""
    converters = getattr(pattern.pattern, "converters", {})
    return list(converters) or list(getattr(pattern.pattern, "regex", None).groupindex)  # type: ignore[union-attr]
