"""The test pod: made as a job's would be, watched, understood, and removed whatever happens."""

import logging
from collections.abc import Iterator
from contextlib import suppress

from clusters.doctor import callback, podlook
from clusters.doctor.environments import SHELL, choose, environments, image_trouble, images_of
from clusters.doctor.ground import Ground
from clusters.doctor.lines import Fix, Line, Title
from clusters.doctor.podlook import Trouble
from clusters.doctor.watcher import Watcher
from clusters.driver import LABEL_INSTALLATION, ClusterUnreachable
from clusters.drivers import installation_id, portal_url_of
from clusters.kubernetes import probe as manifests
from clusters.kubernetes.api import ApiRefused
from clusters.kubernetes.calls import batch, core, unless_there
from clusters.kubernetes.names import JOBS_ACCOUNT
from clusters.kubernetes.namespaces import bring_jobs_account
from clusters.kubernetes.probe import Probe
from clusters.models import DoctorRun, Profile

log = logging.getLogger(__name__)
# The admission plugin's words: plugin/pkg/admission/serviceaccount.
NO_ACCOUNT = "error looking up service account"
POD, IMAGE, LOGS = Title("test_pod", "Test pod"), Title("image_pull", "Image pull"), Title("logs", "Logs")
TITLES = (POD, IMAGE, LOGS, callback.PYTHON, callback.CALLBACK, callback.CLOCK, SHELL)


def probing(ground: Ground) -> Iterator[Line]:
    """A line for each of TITLES. Nothing stays in the cluster but the runner's ConfigMap, which jobs use as well."""
    probe = probe_of(ground)
    try:
        try:
            _make(ground, probe)
        except ApiRefused as refused:
            yield POD.failed(_refusal(refused))
            yield from _skip(TITLES[1:], "there was no test pod.")
            return
        yield from _stages(ground, probe, Watcher(ground, probe.name))
    finally:
        _remove(ground, probe.name)


def probe_of(ground: Ground) -> Probe:
    """Where the first environment's jobs would run, and with what; the others' images are tried beside it."""
    run, row = ground.run, ground.row
    assert run is not None, "only a visit has a test pod"
    images = images_of(ground.cluster)
    image = images[0] if images else None
    others, untried = choose(images)
    profile = Profile.objects.filter(cluster=ground.cluster, is_enabled=True).first()
    return Probe(
        name=f"sw-doctor-{installation_id()}-{run.pk}-{run.nonce[:6]}",
        installation=installation_id(),
        visit=run.pk,
        token=run.token,
        portal_url=portal_url_of(ground.cluster),
        runner_image=row.runner_image,
        image=image.reference if image else "",
        space=row.namespace,
        pull_secret=image.pull_secret if image else "",
        runner_pull_secret=row.runner_pull_secret,
        label=image.label if image else "",
        others=others,
        untried=untried,
        node_labels=profile.node_labels if profile else {},
        tolerations=profile.tolerations if profile else (),
    )


def remove_leftovers(ground: Ground) -> int:
    """Delete the test Jobs of visits that are over: a worker may have died. How many there were."""
    query = {"labelSelector": f"{manifests.LABEL_DOCTOR}={installation_id()}"}
    found = ground.api.get(f"{batch(ground.row.namespace)}/jobs", query).get("items") or []
    visits = {
        job["metadata"]["name"]: job["metadata"]["labels"].get(manifests.LABEL_VISIT, "") for job in found
    }
    numbers = {int(visit) for visit in visits.values() if visit.isdecimal()}
    living = set(DoctorRun.objects.filter(pk__in=numbers, ended_at=None).values_list("pk", flat=True))
    gone = [name for name, visit in visits.items() if not (visit.isdecimal() and int(visit) in living)]
    for name in gone:
        _remove(ground, name)
    return len(gone)


def _stages(ground: Ground, probe: Probe, watcher: Watcher) -> Iterator[Line]:
    trouble = watcher.until(lambda look: podlook.is_scheduled(look.pod))
    if trouble is not None:
        yield pod_trouble(trouble, ground.row.namespace)
        yield from _skip(TITLES[1:], "the test pod was not started.")
        return
    node = (watcher.look.pod or {}).get("spec", {}).get("nodeName", "")
    yield POD.passed(f"A pod like a job's was accepted, and scheduled on {node} after {watcher.age:.0f} s.")
    trouble = watcher.until(lambda look: podlook.ended(look.pod, "fetch") is not None)
    if trouble is not None:
        yield image_trouble(IMAGE, trouble, probe.runner_image)
        yield from _skip(TITLES[2:], "the runner's container was not started.")
        return
    yield IMAGE.passed(f"{probe.runner_image} was pulled, or was there.")
    yield _logs(ground, watcher)
    first = podlook.ended(watcher.look.pod, "fetch")
    assert first is not None
    yield from _first_words(ground, probe, first)
    if first.exit_code == 0:
        yield from environments(probe, watcher)
    else:
        yield SHELL.skipped("Not looked at: it comes after the runner's container.")


def _logs(ground: Ground, watcher: Watcher) -> Line:
    """The API server asks the node's kubelet for them: another way than all other requests."""
    pod = (watcher.look.pod or {}).get("metadata", {}).get("name", "")
    try:
        ground.api.text(
            f"{core(ground.row.namespace)}/pods/{pod}/log", {"container": "fetch", "limitBytes": 2000}
        )
    except ApiRefused as refused:
        return LOGS.warned(
            f"The log of the test pod cannot be read: {refused} Jobs run all the same, but some troubles of nodes show "
            "here first: where the portal has the right (above), the way from the API server to the node's kubelet "
            "(port 10250) is closed."
        )
    return LOGS.passed("The log of the test pod can be read.")


def _first_words(ground: Ground, probe: Probe, first: podlook.Ended) -> Iterator[Line]:
    """Runner image, callback and clock."""
    if not first.has_run:
        yield callback.PYTHON.failed(
            f"The runner image {probe.runner_image} has no python3 ({first.message.strip()[-300:]}). Enter an image "
            "with Python 3.9 or newer, such as python:3.12-slim."
        )
        yield from _skip((callback.CALLBACK, callback.CLOCK), "the runner did not start.")
        return
    python = callback.python_line(probe.runner_image, first.told, first.message)
    yield python
    if first.told.get("reason") == "python" or not first.told:
        yield from _skip((callback.CALLBACK, callback.CLOCK), "the runner did not start.")
        return
    run = ground.run
    assert run is not None
    run.refresh_from_db(fields=["called_back_at", "called_back"])
    if run.called_back_at is not None:
        yield callback.CALLBACK.passed(f"A pod reached the portal at {probe.portal_url}.")
    elif first.told.get("reason"):
        yield callback.callback_line(probe.portal_url, first.told)
    else:
        yield callback.elsewhere_line(probe.portal_url)
    yield callback.clock_line(run.called_back.get("skew_seconds"))


def pod_trouble(trouble: Trouble, namespace: str) -> Line:
    """Pure: why there is no scheduled pod."""
    words = trouble.words.strip()
    if trouble.stage == "refused" and NO_ACCOUNT in words:
        return POD.failed(
            f"The namespace has no ServiceAccount {JOBS_ACCOUNT}, as which jobs run, and the portal may not make it.",
            f"kubectl -n {namespace} create serviceaccount {JOBS_ACCOUNT}",
            Fix.COMMAND,
        )
    if trouble.stage == "refused":
        return POD.failed(
            f"The cluster took the Job but refuses its pod: {words} An admission policy or a quota of the namespace "
            "has to let it in."
        )
    if trouble.stage == "unschedulable":
        said = words or "the scheduler says nothing; is it running?"
        return POD.failed(
            f"No node takes the test pod, which asks for next to nothing: {said} Make room, or correct the node labels "
            "and tolerations of the first profile.",
            "kubectl describe nodes",
            Fix.COMMAND,
        )
    if trouble.stage in ("no_pod", "slow"):
        return POD.failed(
            "The Job was made, but no pod came of it: the cluster's controllers do not act, or the namespace refuses "
            "pods and its events cannot be read.",
            "kubectl -n kube-system get pods",
            Fix.COMMAND,
        )
    return POD.failed(f"The test pod ended before it began: {words}")


def _make(ground: Ground, probe: Probe) -> None:
    api, row = ground.api, ground.row
    with suppress(ApiRefused):
        bring_jobs_account(api, row.namespace)
    unless_there(
        lambda: api.post(
            f"{core(row.namespace)}/configmaps",
            manifests.config_map(probe, {LABEL_INSTALLATION: probe.installation}),
        )
    )
    made = api.post(f"{batch(row.namespace)}/jobs", manifests.job(probe))
    api.post(f"{core(row.namespace)}/secrets", manifests.secret(probe, made["metadata"]["uid"]))


def _remove(ground: Ground, name: str) -> None:
    """With its pod and Secret. Where the cluster is gone, the Job's own deadline does it."""
    try:
        ground.api.delete(f"{batch(ground.row.namespace)}/jobs/{name}", {"propagationPolicy": "Background"})
    except ApiRefused as refused:
        if refused.status != 404:
            log.warning("the test Job %s was not removed: %s", name, refused)
    except ClusterUnreachable as trouble:
        log.warning("the test Job %s was not removed: %s", name, trouble)


def _refusal(refused: ApiRefused) -> str:
    if refused.status == 404:
        return f"The test Job cannot be made: {refused} Make the namespace first."
    if " cannot create resource " in refused.message:
        return f"The portal has no right to make what a job needs: {refused}. Its line above has the YAML."
    return f"The cluster refuses the test Job: {refused} An admission policy or a quota has to let it in."


def _skip(titles: tuple[Title, ...], why: str) -> Iterator[Line]:
    for title in titles:
        yield title.skipped(f"Not looked at: {why}")
