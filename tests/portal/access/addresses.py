"""Addresses of routes: what they name belongs to somebody, and is there anew for each address."""

import itertools
from collections.abc import Callable
from datetime import timedelta
from functools import partial
from typing import Any
from uuid import uuid4

from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from django.http import HttpResponse
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from clusters.models import Cluster
from jobs.models import Artifact, BulkRun, Draft, Job, SavedFilter
from teams.inviting import digest_of
from teams.models import Invitation, Team, User
from tests import cast
from tests.clusters.pages.connected import new_connected
from tests.portal.access.routes import names_of, routes

_numbers = itertools.count(1)


class Addresses:
    """`addresses(route, owner)`: what it names is the owner's, in the owner's team, with everything it can have."""

    def __init__(self, make_job: Callable[..., Job], owner: User) -> None:
        self.make_job, self.owner, self.whose = make_job, owner, owner

    def __call__(self, route: str, owner: User | None = None, **given: Any) -> str:
        """`given` takes the place of what would be made: an id that is missing, another's."""
        if "/" in route:
            return "/" + route
        self.whose = owner or self.owner
        wanted = names_of(routes("portal.urls")[route])
        values = given or self.values(route)
        return reverse(route, kwargs={name: values[name] for name in wanted})

    def values(self, route: str) -> dict[str, Any]:
        """What the addresses of the route hold, made now."""
        wanted = names_of(routes("portal.urls")[route])
        makers = {
            "job_id": lambda: self._job().pk,
            "artifact_id": lambda: self.artifact.pk,
            "draft_id": self._draft,
            "run_id": lambda: BulkRun.objects.create(owner=self.whose, action="cancel", before=1).pk,
            "filter_id": lambda: self._filter().pk,
            "stream": lambda: "stdout",
            "way": lambda: "address",
            "slug": lambda: self._slug(route),
            "team_id": lambda: self._team().pk,
            "part_id": lambda: getattr(self._cluster(), route.partition("_")[0] + "s").get().pk,
            "user_id": lambda: self._person().pk,
            "token": self._token,
        }
        return {name: makers[name]() for name in wanted}

    def _slug(self, route: str) -> str:
        if route.startswith(("team_", "member_", "quota_")):
            return self._team().slug
        return "python-model" if route == "example_run" else self._cluster().slug

    def _team(self) -> Team:
        return self.whose.teams.get()

    def _person(self) -> User:
        return cast.new_user(f"person-{next(_numbers)}", self._team())

    def _token(self) -> str:
        token = f"token-{next(_numbers)}"
        ends = timezone.now() + timedelta(days=1)
        Invitation.objects.create(user=self._person(), token_sha256=digest_of(token), expires_at=ends)
        return token

    def _draft(self) -> Any:
        return Draft.objects.create(owner=self.whose, bundle=cast.new_bundle(is_frozen=False)).pk

    def _filter(self) -> SavedFilter:
        name = f"filter {next(_numbers)}"
        return SavedFilter.objects.create(owner=self.whose, name=name, query="status=failed")

    def _cluster(self) -> Cluster:
        known = Cluster.objects.filter(slug="research").first() or new_connected(space_mode="prepared")
        if not known.images.exists():
            cast.new_image(known)
        if not known.profiles.exists():
            cast.new_profile(known)
        return known

    def _job(self) -> Job:
        job = self.make_job(owner=self.whose, status="running")
        key = default_storage.save("results/table.csv", ContentFile(b"a,b\n1,2\n"))
        facts = {"path": "table.csv", "size": 8, "sha256": "0" * 64, "key": key, "is_listed": True}
        self.artifact = Artifact.objects.create(attempt=cast.new_attempt(job), **facts)
        return job


def answered(user: User | None, method: str, address: str) -> HttpResponse:
    """What `user` gets there."""
    client = Client()
    if user is not None:
        client.force_login(user)
    send = client.post if method == "POST" else partial(client.generic, method)
    response = send(address, {"key": str(uuid4())} if method == "POST" else b"")
    is_open = address.startswith(("/accounts/logout", "/invitation/"))
    if user is None and response.status_code == 302 and not is_open:
        assert response["Location"].startswith(("/accounts/", "/admin/login/", "/static/favicon/"))
    return response


def asked(user: User | None, method: str, address: str) -> int:
    """Its status."""
    return answered(user, method, address).status_code
