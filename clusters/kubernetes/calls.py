"""Calls to an API server as the driver makes them: where things are, lists to their end, refusals in our words."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from clusters.kubernetes import refusals
from clusters.kubernetes.api import Api, ApiRefused

PAGE = 500
# The Job controller writes it on every pod of a Job.
JOB_NAME = "batch.kubernetes.io/job-name"
Object = dict[str, Any]


def core(space: str) -> str:
    """The path of a namespace's pods, secrets and so on; "" is all namespaces."""
    return f"/api/v1/namespaces/{space}" if space else "/api/v1"


def batch(space: str) -> str:
    """The path of a namespace's Jobs; "" is all namespaces."""
    return f"/apis/batch/v1/namespaces/{space}" if space else "/apis/batch/v1"


def list_all(api: Api, path: str, query: Mapping[str, str]) -> Iterator[Object]:
    """All objects, page by page. Raises ApiRefused, ClusterUnreachable."""
    more: dict[str, str | int] = {**query, "limit": PAGE}
    while True:
        answer = api.get(path, more)
        yield from answer.get("items") or []
        token = (answer.get("metadata") or {}).get("continue")
        if not token:
            return
        more["continue"] = token


def unless_missing(call: Callable[[], Object]) -> Object | None:
    """The answer; None where there is no such object."""
    try:
        return call()
    except ApiRefused as refused:
        if refused.status == 404:
            return None
        raise


def unless_there(make: Callable[[], Object]) -> None:
    """Make it; one of that name that is there already is as good."""
    try:
        make()
    except ApiRefused as refused:
        if refused.reason != "AlreadyExists":
            raise


@contextmanager
def in_our_words(what: str) -> Iterator[None]:
    """The API server's refusals as the driver protocol's."""
    try:
        yield
    except ApiRefused as refused:
        raise refusals.in_our_words(refused, what) from refused
