"""The cluster for a bench: fake nodes, a namespace for each arm, and counters of what each arm asks the API server."""

import base64
import secrets
import ssl
import subprocess
import tempfile
import time
import urllib.request
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from clusters.kubernetes import onboarding
from clusters.kubernetes.addresses import Rules
from clusters.kubernetes.api import Api, ApiRefused
from clusters.kubernetes.connection import Connection
from clusters.kubernetes.kubeconfig import read_kubeconfig
from clusters.kubernetes.transport import Limits
from tests.kubernetes import cluster

FAKE_NODES = 500
FAKE_LABELS = {"type": "kwok"}
FAKE_TOLERATIONS = [{"key": "kwok", "value": "true", "effect": "NoSchedule"}]
EXIT_CODE, ONE_OF = 3, 20
COLLECTIONS = {
    "Namespace": "/api/v1/namespaces",
    "ServiceAccount": "/api/v1/namespaces/{namespace}/serviceaccounts",
    "Secret": "/api/v1/namespaces/{namespace}/secrets",
    "Role": "/apis/rbac.authorization.k8s.io/v1/namespaces/{namespace}/roles",
    "RoleBinding": "/apis/rbac.authorization.k8s.io/v1/namespaces/{namespace}/rolebindings",
}
ADMISSION = "/apis/admissionregistration.k8s.io/v1"
FLOWS = "/apis/flowcontrol.apiserver.k8s.io/v1/flowschemas"
COUNTED = "apiserver_flowcontrol_dispatched_requests_total"
# What a pod on paper does is in its annotations, and the portal writes none: the cluster adds them. How long it runs
# is told by the size of its profile, how it ends by its job's number.
SECONDS = {"11m": "0.1s", "12m": "staggered", "13m": "3600s"}
NUMBER = f"int(object.metadata.labels['{'stellwerk/job'}'])"
CPU = "(has(object.spec.containers[0].resources) ? string(object.spec.containers[0].resources.requests['cpu']) : '11m')"
TOLD = (
    "JSONPatch{op: 'add', path: '/metadata/annotations', value: {"
    f"'test/exit-code': {NUMBER} % {ONE_OF} == 0 ? '{EXIT_CODE}' : '0', "
    f"'test/seconds': {CPU} == '13m' ? '3600s' : {CPU} == '12m' ? string(10 + {NUMBER} % 20) + 's' : '0.1s'"
    "}}"
)


def exit_code_of(job_id: int) -> int:
    """With which code the pod on paper of this job ends."""
    return EXIT_CODE if job_id % ONE_OF == 0 else 0


@dataclass(frozen=True)
class Arm:
    """A namespace with an account that has the portal's rights there, and its own counters at the API server."""

    namespace: str
    connection: Connection

    def order(self, what: str) -> dict[str, Any]:
        """For the bare client."""
        reached = {name: getattr(self.connection, name) for name in ("server", "ca", "token")}
        return {"what": what, "namespace": self.namespace, **reached}


class Ground:
    """Use it as a context: what it makes is gone afterwards, and the fake nodes if they were not there before."""

    def __init__(self) -> None:
        self.cluster = cluster.start()
        self.admin = read_kubeconfig(self.cluster.kubeconfig).connection()
        # The removal of hundreds of Jobs is one call.
        self.api = Api(
            self.admin, limits=Limits(answer_seconds=120), rules=Rules(private=True, loopback=True)
        )
        self.name = f"sw-bench-{secrets.token_hex(3)}"
        self.arms: list[Arm] = []
        self._made: list[str] = []
        self._auditor: Arm | None = None
        self._brought_nodes = False

    def __enter__(self) -> "Ground":
        return self

    def __exit__(self, *_: object) -> None:
        for path in reversed(self._made):
            try:
                self.api.delete(path, {"propagationPolicy": "Background"})
            except ApiRefused as refused:
                if refused.status != 404:
                    raise
        if self._brought_nodes:
            self.cluster.kubectl("delete", "node", "-l", "type=kwok")
            self.cluster.part("stop", "kwok")

    def bring_fake_nodes(self) -> None:
        """Nodes on paper; nothing that runs is started anew for them."""
        if not self._fake_nodes():
            self._make_fake_nodes()
        for node in self._fake_nodes():
            if "ephemeral-storage" not in node["status"]["allocatable"]:
                self._give_disk(node["metadata"]["name"])

    def _give_disk(self, node: str) -> None:
        """The testcluster's fake nodes have none, and every pod of ours asks for some."""
        disk = {"ephemeral-storage": "1Ti"}
        status = {"capacity": disk, "allocatable": disk}
        self.api.patch(f"/api/v1/nodes/{node}/status", {"status": status})

    def _make_fake_nodes(self) -> None:
        assert self.cluster.command, (
            "there are no fake nodes (label type=kwok), and no testcluster to make them"
        )
        self._brought_nodes = True
        subprocess.run(
            [self.cluster.command, "up", "--with-r", "--fake-nodes", str(FAKE_NODES)],
            check=True,
            capture_output=True,
            timeout=cluster.PATIENCE,
            umask=0o022,
        )
        deadline = time.monotonic() + 120
        while sum(_is_ready(node) for node in self._fake_nodes()) < FAKE_NODES:
            assert time.monotonic() < deadline, "the fake nodes do not get ready"
            time.sleep(0.5)

    def _fake_nodes(self) -> list[dict[str, Any]]:
        return self.api.get("/api/v1/nodes", {"labelSelector": "type=kwok"}).get("items") or []

    def arm(self, name: str) -> Arm:
        """A new arm, as an admin would make it with what the portal gives to paste."""
        namespace = f"{self.name}-{name}"
        for manifest in onboarding.manifests(namespace):
            self.api.post(COLLECTIONS[manifest["kind"]].format(namespace=namespace), manifest)
        self._made.append(f"/api/v1/namespaces/{namespace}")
        self._count(namespace)
        self._tell_pods(namespace)
        token = self._token_of(namespace)
        arm = Arm(namespace, Connection(self.admin.server, self.admin.ca, token))
        self.arms.append(arm)
        return arm

    def as_auditor(self, arm: Arm) -> Arm:
        """The arm's namespace with an account that is not counted."""
        if self._auditor is None:
            self._auditor = self.arm("auditor")
            binding = {
                "apiVersion": "rbac.authorization.k8s.io/v1",
                "kind": "RoleBinding",
                "metadata": {"name": "auditor"},
                "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "view"},
                "subjects": [
                    {
                        "kind": "ServiceAccount",
                        "name": onboarding.ACCOUNT,
                        "namespace": self._auditor.namespace,
                    }
                ],
            }
            self.api.post(COLLECTIONS["RoleBinding"].format(namespace=arm.namespace), binding)
        return Arm(arm.namespace, self._auditor.connection)

    def requests(self, arm: Arm) -> dict[str, int]:
        """How many requests of the arm the API server has begun, by `jobs` (their creates) and `all`."""
        found = {"jobs": 0, "other": 0}
        for line in self._metrics():
            for kind in found:
                if line.startswith(COUNTED) and f'flow_schema="{arm.namespace}-{kind}"' in line:
                    found[kind] += int(float(line.rpartition(" ")[2]))
        return {"jobs": found["jobs"], "all": found["jobs"] + found["other"]}

    def _metrics(self) -> list[str]:
        """Text, so not for the client that reads JSON."""
        with tempfile.TemporaryDirectory() as folder:
            files = []
            for name in ("client_certificate", "client_key"):
                path = Path(folder) / name
                path.touch(mode=0o600)
                path.write_text(getattr(self.admin, name))
                files.append(path)
            context = ssl.create_default_context(cadata=self.admin.ca)
            context.load_cert_chain(*files)
        with urllib.request.urlopen(f"{self.admin.server}/metrics", timeout=60, context=context) as answer:
            return answer.read().decode().splitlines()

    def _count(self, namespace: str) -> None:
        """The API server counts by flow schema. These change nothing else: the level is that of all accounts."""
        who = {
            "kind": "ServiceAccount",
            "serviceAccount": {"name": onboarding.ACCOUNT, "namespace": namespace},
        }
        creates = {"verbs": ["create"], "apiGroups": ["batch"], "resources": ["jobs"], "namespaces": ["*"]}
        everything = {
            "verbs": ["*"],
            "apiGroups": ["*"],
            "resources": ["*"],
            "namespaces": ["*"],
            "clusterScope": True,
        }
        other = {"verbs": ["*"], "nonResourceURLs": ["*"]}
        for kind, precedence, rule in (
            ("jobs", 900, {"resourceRules": [creates]}),
            ("other", 901, {"resourceRules": [everything], "nonResourceRules": [other]}),
        ):
            self._make(
                FLOWS,
                {
                    "apiVersion": "flowcontrol.apiserver.k8s.io/v1",
                    "kind": "FlowSchema",
                    "metadata": {"name": f"{namespace}-{kind}"},
                    "spec": {
                        "matchingPrecedence": precedence,
                        "priorityLevelConfiguration": {"name": "workload-low"},
                        "distinguisherMethod": {"type": "ByUser"},
                        "rules": [{"subjects": [who], **rule}],
                    },
                },
            )

    def _tell_pods(self, namespace: str) -> None:
        name = f"{namespace}-pods"
        head: dict[str, Any] = {"apiVersion": "admissionregistration.k8s.io/v1", "metadata": {"name": name}}
        pods = {"apiGroups": [""], "apiVersions": ["v1"], "operations": ["CREATE"], "resources": ["pods"]}
        here = {"matchLabels": {"kubernetes.io/metadata.name": namespace}}
        self._make(
            f"{ADMISSION}/mutatingadmissionpolicies",
            {
                **head,
                "kind": "MutatingAdmissionPolicy",
                "spec": {
                    "matchConstraints": {"resourceRules": [pods], "namespaceSelector": here},
                    "failurePolicy": "Fail",
                    "reinvocationPolicy": "Never",
                    "mutations": [{"patchType": "JSONPatch", "jsonPatch": {"expression": f"[{TOLD}]"}}],
                },
            },
        )
        binding = {**head, "kind": "MutatingAdmissionPolicyBinding", "spec": {"policyName": name}}
        self._make(f"{ADMISSION}/mutatingadmissionpolicybindings", binding)

    def _make(self, path: str, manifest: dict[str, Any]) -> None:
        self.api.post(path, manifest)
        self._made.append(f"{path}/{manifest['metadata']['name']}")

    def _token_of(self, namespace: str) -> str:
        deadline = time.monotonic() + 20
        while True:
            secret = self.api.get(f"/api/v1/namespaces/{namespace}/secrets/{onboarding.TOKEN}")
            if token := (secret.get("data") or {}).get("token"):
                return base64.b64decode(token).decode()
            assert time.monotonic() < deadline, "the account got no token"
            time.sleep(0.1)


def _is_ready(node: dict[str, Any]) -> bool:
    conditions = node["status"].get("conditions") or []
    return any(each["type"] == "Ready" and each["status"] == "True" for each in conditions)
