"""A connected cluster for the pages' tests, with health, nodes and a visit of the doctor."""

from datetime import UTC, datetime, timedelta
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from django.utils import timezone

from clusters.kubernetes.connection import Connection
from clusters.models import Cluster, ClusterHealth, DoctorRun, KubernetesConnection
from tests.clusters.certificates import make_ca

GIB = 1024**3
CANARY = "canary-token-4711"
CA = make_ca(days=365).strip()


def new_connected(
    name: str = "Research", slug: str = "research", token: str = CANARY, **fields: Any
) -> Cluster:
    """A Kubernetes cluster that is reached with a token; `fields` are its connection's."""
    cluster = Cluster.objects.create(name=name, slug=slug, driver="kubernetes")
    defaults = {"namespace": "stellwerk", "runner_image": "python:3.12-slim"}
    row = KubernetesConnection(cluster=cluster, **defaults)
    row.take(Connection("https://10.0.0.1:6443", CA, token))
    KubernetesConnection.objects.filter(pk=row.pk).update(**fields)
    return Cluster.objects.get(pk=cluster.pk)


def new_pair() -> tuple[str, str]:
    """A client certificate and its private key, as PEM text."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "stellwerk")])
    now = datetime.now(UTC)
    builder = x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
    builder = builder.serial_number(1).not_valid_before(now).not_valid_after(now + timedelta(days=90))
    certificate = builder.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)
    form = (serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    return certificate.decode().strip(), key.private_bytes(*form).decode().strip()


def node(
    name: str = "node-1", cpu: int = 16000, memory: int = 64, free: float = 0.5, **more: Any
) -> dict[str, Any]:
    """As ClusterHealth.capacity has it; memory in GiB, `free` as a share."""
    gpus = more.pop("gpus", {})
    amounts = {"cpu_millis": cpu, "memory_bytes": memory * GIB, "disk_bytes": 200 * GIB}
    left = {key: int(amount * free) for key, amount in amounts.items()} | {
        "gpus": dict.fromkeys(gpus, 0) | more.pop("free_gpus", {})
    }
    return {"name": name, **amounts, "gpus": gpus, "labels": {}, "taints": [], "free": left} | more


def capacity_of(*nodes: dict[str, Any]) -> dict[str, Any]:
    """Nodes with their sums."""

    def total(rooms: list[dict[str, Any]]) -> dict[str, Any]:
        gpus: dict[str, int] = {}
        for room in rooms:
            for key, count in room["gpus"].items():
                gpus[key] = gpus.get(key, 0) + count
        return {key: sum(room[key] for room in rooms) for key in ("cpu_millis", "memory_bytes")} | {
            "gpus": gpus
        }

    return {
        "nodes": list(nodes),
        "totals": total(list(nodes)),
        "free": total([each["free"] for each in nodes]),
    }


def healthy(cluster: Cluster, *nodes: dict[str, Any], **fields: Any) -> ClusterHealth:
    """The last short check found it well."""
    defaults = {
        "level": "pass",
        "sentence": "Everything that jobs need works.",
        "checked_at": timezone.now() - timedelta(seconds=40),
        "latency_ms": 11.6,
        "version": "v1.36.0",
        "capacity": capacity_of(*(nodes or (node(),))),
    }
    return ClusterHealth.objects.create(cluster=cluster, **defaults | fields)


def line(
    key: str, level: str = "pass", sentence: str = "It works.", fix: str = "", fix_kind: str = ""
) -> dict[str, str]:
    """As clusters/doctor writes them."""
    return {
        "key": key,
        "title": key.capitalize(),
        "level": level,
        "sentence": sentence,
        "fix": fix,
        "fix_kind": fix_kind,
    }


def visited(cluster: Cluster, *lines: dict[str, str], is_running: bool = False, **fields: Any) -> DoctorRun:
    """A visit with these lines."""
    ended = None if is_running else timezone.now()
    return DoctorRun.objects.create(cluster=cluster, lines=list(lines), **{"ended_at": ended} | fields)
