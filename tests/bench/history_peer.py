"""What the history is measured beside: Django's admin over the same rows; and a count of the statements of a page."""

from collections.abc import Callable
from typing import Any, ClassVar

from django.contrib.admin import AdminSite, ModelAdmin
from django.db import connection
from django.http import HttpRequest, HttpResponse
from django.urls import path
from django.utils.decorators import sync_only_middleware

from jobs.history.pages import PAGE
from jobs.models import Job
from portal.urls import urlpatterns as portal_urls
from tests.bench.history import COUNT


@sync_only_middleware
def count_statements(
    get_response: Callable[[HttpRequest], HttpResponse],
) -> Callable[[HttpRequest], HttpResponse]:
    """Outside of everything else: all that the request sends to the database, only where a request asks for it."""

    def middleware(request: HttpRequest) -> HttpResponse:
        if COUNT not in request.headers:
            return get_response(request)
        taken = []

        def note(execute: Callable[..., Any], *statement: Any) -> Any:
            taken.append(statement[0])
            return execute(*statement)

        with connection.execute_wrapper(note):
            answer = get_response(request)
        answer.headers[COUNT] = str(len(taken))
        return answer

    return middleware


class Stock(ModelAdmin):
    """As Django makes it: numbered pages by OFFSET, a count of everything; as many rows as a page of the history."""

    list_per_page = PAGE
    list_display: ClassVar = ["name", "owner", "cluster", "status", "created_at", "profile_label"]
    list_select_related: ClassVar = ["owner", "cluster"]


peer = AdminSite(name="peer")
peer.register(Job, Stock)
urlpatterns = [path("peer/", peer.urls), *portal_urls]
