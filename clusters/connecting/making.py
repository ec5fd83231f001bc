"""A new cluster with its connection: both or neither."""

from collections.abc import Callable

from django.db import IntegrityError, transaction
from django.utils.text import slugify

from clusters.connecting import outside
from clusters.connecting.given import Given
from clusters.connecting.place import PlaceForm
from clusters.models import Authentication, Cluster, DriverKind, KubernetesConnection

RESERVED = {"connect"}
LONGEST_SLUG = 40


class NameTaken(Exception):
    """Another cluster got the name first: `cluster`."""

    def __init__(self, cluster: Cluster | None) -> None:
        super().__init__("a cluster with this name is there already")
        self.cluster = cluster


def make_cluster(
    place: PlaceForm, given: Given, note: Callable[[Cluster, KubernetesConnection], object]
) -> Cluster:
    """From valid forms; `note` is called with both rows, last in their transaction.

    Raises NameTaken, ConnectionInvalid and NoKey; then nothing was made.
    """
    name = place.cleaned_data["name"]
    try:
        with transaction.atomic():
            cluster = Cluster.objects.create(name=name, slug=free_slug(name), driver=DriverKind.KUBERNETES)
            row = KubernetesConnection(cluster=cluster)
            place.write_to(row)
            outside.store(row, given)
            note(cluster, row)
    except IntegrityError as error:
        raise NameTaken(Cluster.objects.filter(name=name).first()) from error
    return cluster


def free_slug(name: str) -> str:
    """The name as an address, with a number where that is taken."""
    base = slugify(name)[:LONGEST_SLUG].strip("-") or "cluster"
    taken = set(Cluster.objects.values_list("slug", flat=True)) | RESERVED
    slug, number = base, 1
    while slug in taken:
        number += 1
        slug = f"{base[: LONGEST_SLUG - len(str(number)) - 1]}-{number}"
    return slug


def is_same(cluster: Cluster, place: PlaceForm, given: Given) -> bool:
    """Whether the cluster is what the forms ask for: a second click on Connect."""
    row = KubernetesConnection.objects.filter(cluster=cluster).first()
    if row is None or row.authentication != given.authentication:
        return False
    is_there = row.server == given.server or given.authentication == Authentication.IN_CLUSTER
    return is_there and row.namespace == place.cleaned_data["namespace"]
