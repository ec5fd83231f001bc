"""What every answer gets: its request's id, a page instead of an empty 405, a header only where browsers heed it."""

import re
from collections.abc import Callable
from uuid import uuid4

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import Resolver404, resolve
from django.utils.decorators import sync_only_middleware

Answer = Callable[[HttpRequest], HttpResponse]
OPENER = "Cross-Origin-Opener-Policy"
REQUEST_ID = "X-Request-ID"
NGINX_ID = re.compile(r"[0-9a-f]{32}")


@sync_only_middleware
def request_ids(get_response: Answer) -> Answer:
    """`request.request_id`, also in the answer: what the audit log and a person who asks for help can name.

    It is nginx's where nginx sent the request (over the socket, without an address), which lets no browser's through.
    """

    def middleware(request: HttpRequest) -> HttpResponse:
        given = "" if request.META.get("REMOTE_ADDR") else request.headers.get(REQUEST_ID, "")
        request_id = given if NGINX_ID.fullmatch(given) else uuid4().hex
        request.request_id = request_id  # type: ignore[attr-defined]
        answer = get_response(request)
        answer.headers[REQUEST_ID] = request_id
        return answer

    return middleware


@sync_only_middleware
def refused_with_a_page(get_response: Answer) -> Answer:
    """Django's `require_POST` refuses with nothing at all, which browsers show as an error of their own."""

    def middleware(request: HttpRequest) -> HttpResponse:
        answer = get_response(request)
        is_for_people = "text/html" in request.headers.get("Accept", "")
        if answer.status_code != 405 or answer.streaming or answer.content or not is_for_people:
            return answer
        methods = answer.headers["Allow"]
        context = {"takes_forms": "POST" in methods, "back": _page_above(request.path)}
        page = render(request, "405.html", context, status=405)
        page.headers["Allow"] = methods
        return page

    return middleware


def _page_above(path: str) -> str:
    """The page on which the address's button is: one step up, "" where that is none."""
    above = path.rstrip("/").rpartition("/")[0] + "/"
    try:
        resolve(above)
    except Resolver404:
        return ""
    return above


@sync_only_middleware
def opener_policy_where_it_counts(get_response: Answer) -> Answer:
    """Over plain http browsers ignore the header and complain; only this machine counts as safe without TLS."""

    def middleware(request: HttpRequest) -> HttpResponse:
        answer = get_response(request)
        if OPENER in answer.headers and not request.is_secure() and not _is_this_machine(request):
            del answer.headers[OPENER]
        return answer

    return middleware


def _is_this_machine(request: HttpRequest) -> bool:
    """As browsers decide it: https://w3c.github.io/webappsec-secure-contexts/#is-origin-trustworthy"""
    host = request.META.get("HTTP_HOST", "").lower()
    name = host.rpartition("]")[0] + "]" if host.startswith("[") else host.partition(":")[0]
    return name in ("localhost", "[::1]") or name.endswith(".localhost") or name.startswith("127.")
