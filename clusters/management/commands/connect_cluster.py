"""`manage.py connect_cluster`: connect a Kubernetes cluster, or connect it anew, from a terminal."""

import sys
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import transaction
from django.utils.text import slugify

from clusters.audited import connection_shown
from clusters.driver import ClusterUnreachable
from clusters.drivers import api_of
from clusters.encryption import NoKey
from clusters.kubernetes.addresses import check_address
from clusters.kubernetes.api import ApiRefused
from clusters.kubernetes.connection import Connection, ConnectionInvalid
from clusters.kubernetes.kubeconfig import EksFound, KubeconfigRefused, read_kubeconfig
from clusters.kubernetes.namespaces import bring_jobs_account
from clusters.machine import GIB
from clusters.models import Authentication, Cluster, DriverKind, Image, KubernetesConnection, Profile
from teams.audit import record_by

# What is tried where the admin says no more than the image: the interpreters' names in the usual images.
ENTRY_COMMANDS = {".py": ["python3", "-u"], ".R": ["Rscript"], ".sh": ["sh"]}
IS_EKS = (
    "user.exec: It would run a command of AWS, and the portal makes the tokens of EKS itself."
    " Connect it in the browser: Clusters, Connect a cluster, Amazon EKS."
)
FIRST_PROFILE = {"name": "Small", "cpu_millis": 1000, "memory_bytes": 2 * GIB, "disk_bytes": 10 * GIB}


class Command(BaseCommand):
    """Runs again with the same name: the connection is replaced, everything else stays."""

    help = "Connect a Kubernetes cluster with a kubeconfig; environments and profiles are added where there are none."

    def add_arguments(self, parser: CommandParser) -> None:
        """The kubeconfig comes from a file or, with "-", from the standard input: no secret on a command line."""
        parser.add_argument("--kubeconfig", required=True, help="its file; - reads the standard input")
        parser.add_argument("--context", default="", help="one of the kubeconfig's; default: the current one")
        parser.add_argument("--name", required=True, help="the cluster's name on pages")
        parser.add_argument("--namespace", required=True, help="where jobs run; it has to exist")
        parser.add_argument("--runner-image", required=True, help="an image with Python 3.9 or newer")
        parser.add_argument("--portal-url", default="", help="for pods; default: PORTAL_URL_FOR_JOBS")
        parser.add_argument(
            "--environment",
            action="append",
            default=[],
            metavar="LABEL=IMAGE",
            help='an environment to offer, such as "Python 3.11=python:3.11-slim"; may be given several times',
        )

    def handle(self, *args: Any, **options: Any) -> None:
        """Raises CommandError with one sentence, with everything as it was."""
        connection = _connection(_text(options["kubeconfig"]), options["context"])
        environments = [_environment(text) for text in options["environment"]]
        try:
            with transaction.atomic():
                cluster, is_new = _cluster(options["name"])
                _connect(cluster, connection, options)
                added = sum(_offer(cluster, label, reference) for label, reference in environments)
                if not cluster.profiles.exists():
                    Profile.objects.create(cluster=cluster, **FIRST_PROFILE)
                _record(cluster, is_new, [label for label, _ in environments])
        except ConnectionInvalid as error:
            raise CommandError(f"{error.field}: {error.sentence}") from error
        except NoKey as error:
            raise CommandError(str(error)) from error
        row = KubernetesConnection.objects.get(cluster=cluster)
        if trouble := jobs_account_trouble(row):
            self.stderr.write(trouble)
        done = "is connected" if is_new else "has its new connection"
        self.stdout.write(f"{cluster.name} {done}: {connection.server}, namespace {options['namespace']}.")
        self.stdout.write(f"Environments added: {added}. Watch reads the cluster within a few seconds.")


def jobs_account_trouble(row: KubernetesConnection) -> str:
    """Make the account as which jobs run; a sentence where it is known to be missing still."""
    api = api_of(row)
    try:
        bring_jobs_account(api, row.namespace)
    except ApiRefused as refused:
        # Who may not make it was given a namespace that has it; otherwise the doctor will say so.
        if refused.status == 403:
            return ""
        if refused.status == 404:
            return (
                f"The cluster has no namespace {row.namespace}: make it with "
                f"kubectl create namespace {row.namespace}, and give this command again."
            )
        return f"The account as which jobs run was not made: {refused}"
    except ClusterUnreachable as error:
        return f"The cluster does not answer yet: {error} The portal goes on trying; give this command again then."
    finally:
        api.close()
    return ""


def _text(source: str) -> str:
    if source == "-":
        return sys.stdin.read()
    try:
        return Path(source).read_text()
    except (OSError, UnicodeDecodeError) as error:
        raise CommandError(f"The kubeconfig {source} cannot be read: {error}.") from error


def _connection(text: str, context: str) -> Connection:
    try:
        connection = read_kubeconfig(text).connection(context)
        check_address(connection.server)
    except EksFound as error:
        raise CommandError(IS_EKS) from error
    except KubeconfigRefused as error:
        raise CommandError(str(error)) from error
    except ConnectionInvalid as error:
        raise CommandError(f"{error.field}: {error.sentence}") from error
    return connection


def _environment(text: str) -> tuple[str, str]:
    label, equals, reference = (part.strip() for part in text.partition("="))
    if not (label and equals and reference) or any(character.isspace() for character in reference):
        raise CommandError(
            f"--environment is “{text}”, but LABEL=IMAGE is needed: Python 3.11=python:3.11-slim."
        )
    return label, reference


def _cluster(name: str) -> tuple[Cluster, bool]:
    known = Cluster.objects.select_for_update().filter(name=name).first()
    if known is not None and known.driver != DriverKind.KUBERNETES:
        raise CommandError(f"{name} is there already and is no Kubernetes cluster; choose another name.")
    if known is not None:
        return known, False
    slug = slugify(name)[:40]
    if not slug or Cluster.objects.filter(slug=slug).exists():
        raise CommandError(
            f"“{name}” is too much like the name of another cluster, or has no letters; choose another."
        )
    return Cluster.objects.create(name=name, slug=slug, driver=DriverKind.KUBERNETES), True


def _connect(cluster: Cluster, connection: Connection, options: dict[str, Any]) -> None:
    row = KubernetesConnection.objects.filter(cluster=cluster).first() or KubernetesConnection(
        cluster=cluster
    )
    row.authentication = Authentication.TOKEN if connection.token else Authentication.CERTIFICATE
    row.namespace, row.runner_image = options["namespace"], options["runner_image"]
    row.portal_url = options["portal_url"]
    row.take(connection)


def _record(cluster: Cluster, is_new: bool, labels: list[str]) -> None:
    new = connection_shown(KubernetesConnection.objects.get(cluster=cluster)) | {"environments": labels}
    action = "cluster.connected" if is_new else "cluster.credentials_replaced"
    record_by("manage.py connect_cluster", action, cluster, new=new)


def _offer(cluster: Cluster, label: str, reference: str) -> bool:
    """True when the environment is new; one with this label stays as its admin left it."""
    _, is_new = Image.objects.get_or_create(
        cluster=cluster,
        label=label,
        defaults={
            "reference": reference,
            "entry_commands": ENTRY_COMMANDS,
            "position": cluster.images.count(),
        },
    )
    return is_new
