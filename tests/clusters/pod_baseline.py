"""What must hold for every Job that the portal makes, here or stored at a cluster (reliability.md, "Pod baseline")."""

from clusters.kubernetes.names import JOBS_ACCOUNT

SECURITY = {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}}
FORBIDDEN = {"hostNetwork", "hostPID", "hostIPC", "shareProcessNamespace", "hostUsers"}
VOLUMES = {"emptyDir", "configMap", "secret"}
LIMITS = {"cpu", "memory", "ephemeral-storage"}


def assert_baseline(job):
    """`job`: a Kubernetes Job as a dict, or a pod."""
    pod = job["spec"]["template"]["spec"] if "template" in job["spec"] else job["spec"]
    if "template" in job["spec"]:
        _assert_once(job)
    assert pod["restartPolicy"] == "Never"
    assert pod["automountServiceAccountToken"] is False
    assert pod["serviceAccountName"] == JOBS_ACCOUNT
    assert pod["enableServiceLinks"] is False
    assert not {key for key in FORBIDDEN if pod.get(key)}
    security = pod["securityContext"]
    assert security["runAsNonRoot"] is True
    assert security["runAsUser"] > 0
    assert security["seccompProfile"] == {"type": "RuntimeDefault"}
    for container in [*pod["initContainers"], *pod["containers"]]:
        _assert_container(container)
    kinds = {key for volume in pod["volumes"] for key in volume} - {"name"}
    assert kinds <= VOLUMES
    tokens = _assert_volumes(pod)
    _assert_token_apart(pod, tokens)


def _assert_once(job):
    assert job["spec"]["backoffLimit"] == 0
    assert (job["spec"]["completions"], job["spec"]["parallelism"]) == (1, 1)
    assert job["spec"]["ttlSecondsAfterFinished"] > 0
    assert job["spec"]["template"]["spec"]["activeDeadlineSeconds"] > 0
    labels = dict(job["metadata"]["labels"])
    assert labels.pop("stellwerk/work") == job["metadata"]["name"]
    assert labels.items() <= job["spec"]["template"]["metadata"]["labels"].items()


def _assert_container(container):
    security = container["securityContext"]
    assert security.items() >= SECURITY.items()
    assert not security.get("privileged")
    assert security["readOnlyRootFilesystem"] is (container["name"] != "main")
    resources = container["resources"]
    assert resources["limits"].keys() >= LIMITS
    assert resources["requests"].keys() >= LIMITS
    assert not container.get("ports")
    assert not container.get("envFrom")


def _assert_volumes(pod):
    """The names of those that hold a secret."""
    for volume in pod["volumes"]:
        if "emptyDir" in volume:
            assert volume["emptyDir"]["sizeLimit"]
    return {volume["name"] for volume in pod["volumes"] if "secret" in volume}


def _assert_token_apart(pod, tokens):
    """The attempt's token, and where the portal is, are not for the script."""
    (main,) = pod["containers"]
    assert main["name"] == "main"
    assert not tokens & {mount["name"] for mount in main["volumeMounts"]}
    assert not main.get("env")
    for container in pod["initContainers"]:
        assert container["name"] in ("fetch", "collect")
