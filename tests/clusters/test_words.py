"""Messages of real clusters, taken apart. Where each is from stands beside it."""

import pytest

from clusters.causes import Wait
from clusters.kubernetes import images, refusals
from clusters.kubernetes.quantities import number
from clusters.kubernetes.words import facts_of

# https://github.com/hystax/optscale/issues/568
UNREACHABLE = (
    "0/1 nodes are available: 1 node(s) had untolerated taint {node.kubernetes.io/unreachable: }. preemption: "
    "0/1 nodes are available: 1 Preemption is not helpful for scheduling."
)
# https://github.com/openshiftio/openshift.io/issues/4668
TWO_LIMITS = (
    'Error creating: pods "jenkins-1-dr8p8" is forbidden: exceeded quota: compute-resources, requested: '
    "limits.cpu=2,limits.memory=1Gi, used: limits.cpu=2,limits.memory=1Gi, limited: limits.cpu=2,limits.memory=1Gi"
)
# https://github.com/tektoncd/pipeline/issues/1791
MEMORY_QUOTA = (
    'pods "hystrix-test-statefulsets-pod-f36c2f" is forbidden: exceeded quota: project1030-quota, requested: '
    "limits.memory=9Gi, used: limits.memory=1424Mi, limited: limits.memory=10Gi"
)
# https://github.com/jfroy/flatops/issues/968
POD_SECURITY = (
    '(combined from similar events): Error creating: pods "browse-postgres16-1-22qjj" is forbidden: violates '
    'PodSecurity "restricted:latest": allowPrivilegeEscalation != false (container "browser" must set '
    "securityContext.allowPrivilegeEscalation=false)"
)
# https://github.com/ansible/galaxy-operator/pull/198
POLICY = (
    "The galaxies \"example-galaxy\" is invalid: : ValidatingAdmissionPolicy 'galaxy-operator-storage-type-validation' "
    "with binding 'galaxy-operator-storage-type-binding' denied request: storage_type should not be empty"
)
# https://github.com/cloud-ark/kubeplus/issues/1382
NODE_DISK = (
    "The node was low on resource: ephemeral-storage. Threshold quantity: 2146223340, available: 1883424Ki. "
    "Container helmer was using 10304Ki, request is 10Mi, has larger consumption of ephemeral-storage. "
)
# https://github.com/kubeshark/kubeshark/issues/1291
RATE_LIMIT = (
    'Failed to pull image "docker.io/kubeshark/hub:latest": rpc error: code = Unknown desc = loading manifest for '
    "target platform: reading manifest sha256:1070 in docker.io/kubeshark/hub: toomanyrequests: You have reached your "
    "pull rate limit."
)


@pytest.mark.parametrize(
    ("message", "nodes", "blockers"),
    [
        (UNREACHABLE, 1, [("taint", "node.kubernetes.io/unreachable", 1)]),
        # https://github.com/NVIDIA/k8s-device-plugin/issues/421
        (
            "0/1 nodes are available: 1 node(s) had untolerated taint {gpu: }. preemption: 0/1 nodes are available: 1 "
            "Preemption is not helpful for scheduling..",
            1,
            [("taint", "gpu", 1)],
        ),
        # The form of Kubernetes 1.36, as the test cluster says it.
        (
            "0/1 nodes are available: 1 Insufficient cpu. no new claims to deallocate, preemption: 0/1 nodes are "
            "available: 1 No preemption victims found for incoming pod.",
            1,
            [("resource", "cpu", 1)],
        ),
        (
            "0/9 nodes are available: 1 Too many pods, 1 node(s) didn't match Pod's node affinity/selector, 1 node(s) "
            "were unschedulable, 2 Insufficient nvidia.com/gpu, 2 Insufficient memory, 1 Insufficient "
            "ephemeral-storage, 1 node(s) had untolerated taint {pool: ml}, 1 node(s) had volume node affinity "
            "conflict.",
            9,
            [
                ("pods", "", 1),
                ("label", "", 1),
                ("cordoned", "", 1),
                ("resource", "nvidia.com/gpu", 2),
                ("resource", "memory", 2),
                ("resource", "disk", 1),
                ("taint", "pool=ml", 1),
                ("volume", "", 1),
            ],
        ),
        ("no nodes available to schedule pods", 0, []),
        ("something else entirely", 0, []),
    ],
)
def test_a_schedulers_message_says_what_keeps_it_from_which_nodes(message, nodes, blockers):
    facts = facts_of(Wait.UNSCHEDULABLE, message)
    assert facts["nodes"] == nodes
    assert [
        tuple(blocker[name] for name in ("kind", "what", "nodes")) for blocker in facts["blockers"]
    ] == blockers


@pytest.mark.parametrize(
    ("reason", "message", "facts"),
    [
        (
            "quota",
            TWO_LIMITS,
            {"quota": "compute-resources", "resource": "cpu", "asked": 2, "used": 2, "limit": 2},
        ),
        (
            "quota",
            MEMORY_QUOTA,
            {
                "quota": "project1030-quota",
                "resource": "memory",
                "asked": 9 * 2**30,
                "used": 1424 * 2**20,
                "limit": 10 * 2**30,
            },
        ),
        (
            "quota",
            'jobs.batch "sw" is forbidden: exceeded quota: few, requested: count/jobs.batch=1, used: '
            "count/jobs.batch=3, limited: count/jobs.batch=3",
            {"quota": "few", "resource": "jobs", "asked": 1, "used": 3, "limit": 3},
        ),
        (
            "quota",
            "exceeded quota: gpus, requested: requests.nvidia.com/gpu=2, used: requests.nvidia.com/gpu=3, limited: "
            "requests.nvidia.com/gpu=4",
            {"quota": "gpus", "resource": "nvidia.com/gpu", "asked": 2, "used": 3, "limit": 4},
        ),
        ("quota", "exceeded quota: in words of another year", {}),
        (
            "limit_range",
            'pods "x" is forbidden: [maximum cpu usage per Container is 1, but limit is 2, maximum memory usage per '
            "Container is 1Gi, but limit is 2Gi]",
            {"resource": "cpu", "limit": 1, "asked": 2},
        ),
        (
            "disk_limit",
            'Usage of EmptyDir volume "volume" exceeds the limit "100Mi". ',
            {"limit": 100 * 2**20},
        ),
        (
            "disk_limit",
            "Pod ephemeral local storage usage exceeds the total limit of containers 64Mi. ",
            {"limit": 64 * 2**20},
        ),
        (
            "disk_limit",
            'Container main exceeded its local ephemeral storage limit "1Gi". ',
            {"limit": 2**30},
        ),
        ("evicted", NODE_DISK, {"resource": "disk"}),
        ("evicted", "The node had condition: [MemoryPressure]. ", {"resource": "memory"}),
        (
            "node_silent",
            "Node gpu-7 does not answer since 2026-01-01T10:00:00Z.",
            {"node": "gpu-7", "since": "2026-01-01T10:00:00Z"},
        ),
        ("config_missing", 'secret "db-login" not found', {"kind": "secret", "name": "db-login"}),
        (
            "config_missing",
            "couldn't find key password in Secret team/db-login",
            {"kind": "secret", "name": "db-login", "key": "password"},
        ),
        (
            "pull_secret_missing",
            "Unable to retrieve some image pull secrets (registry-login); attempting to pull may not succeed.",
            {"name": "registry-login"},
        ),
        ("no_shell", "whatever", {}),
    ],
)
def test_other_messages_give_their_names_and_numbers(reason, message, facts):
    assert facts_of(reason, message) == facts


# As containerd, CRI-O and Docker say it.
@pytest.mark.parametrize(
    ("message", "cause"),
    [
        (RATE_LIMIT, "image_limit"),
        # https://github.com/kata-containers/kata-containers/issues/10109
        ("unexpected status code https://registry-1.docker.io/v2/x: 429 Too Many Requests", "image_limit"),
        (
            'failed to pull and unpack image "docker.io/library/nothing:1": failed to resolve reference '
            '"docker.io/library/nothing:1": pull access denied, repository does not exist or may require '
            "authorization: server message: insufficient_scope: authorization failed",
            "image_login",
        ),
        (
            "failed to authorize: failed to fetch anonymous token: unexpected status: 401 Unauthorized",
            "image_login",
        ),
        ('failed to resolve reference "r/x:1": r/x:1: not found', "image_missing"),
        ("reading manifest v9 in quay.io/a/b: manifest unknown", "image_missing"),
        (
            'failed to do request: Head "https://registry.example/v2/x/manifests/1": dial tcp: lookup '
            "registry.example on 10.96.0.10:53: no such host",
            "image_registry",
        ),
        ("net/http: TLS handshake timeout", "image_registry"),
        ("failed to verify certificate: x509: certificate signed by unknown authority", "image_registry"),
        ("no match for platform in manifest: not found", "image_platform"),
        ('Back-off pulling image "x"', "image_pull"),
    ],
)
def test_why_an_image_does_not_come(message, cause):
    assert images.cause_of(message) == cause


@pytest.mark.parametrize(
    ("message", "cause", "begin"),
    [
        (TWO_LIMITS, "quota", "exceeded quota: compute"),
        (POD_SECURITY, "admission", 'violates PodSecurity "restricted:latest": allow'),
        (POLICY.removeprefix("The "), "admission", "ValidatingAdmissionPolicy 'galaxy"),
        ('admission webhook "policy.example" denied the request: no', "admission", "admission webhook"),
        # Two of LimitRanger: plugin/pkg/admission/limitranger/admission.go
        (
            'pods "x" is forbidden: maximum memory usage per Pod is 1Gi, but limit is 2Gi.',
            "limit_range",
            "maximum",
        ),
        (
            'pods "x" is forbidden: minimum cpu usage per Container is 1, but request is 10m.',
            "limit_range",
            "minimum",
        ),
        (
            'jobs.batch "x" is forbidden: unable to create new content in namespace b because it is being terminated',
            "space_ending",
            "unable to create",
        ),
        ('namespaces "blue" not found', "space_missing", "namespaces"),
        (
            'jobs.batch is forbidden: User "u" cannot create resource "jobs" in API group "batch" in the namespace "b"',
            "rights_missing",
            "jobs.batch is",
        ),
        ('pods "x" is forbidden: error looking up service account b/default', None, "error looking up"),
    ],
)
def test_why_something_is_not_let_in(message, cause, begin):
    assert refusals.cause_of(message) == cause
    assert refusals.bare(message).startswith(begin)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("500m", 0.5),
        ("2", 2),
        ("64Gi", 64 * 2**30),
        ("1e3", 1000),
        ("1.5G", 1.5e9),
        ("some", None),
        ("", None),
    ],
)
def test_quantities(text, value):
    assert number(text) == value
