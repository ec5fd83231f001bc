"""A team's namespace that an admin prepared: each thing that is missing, with the YAML that adds it."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from clusters.driver import LABEL_INSTALLATION
from clusters.kubernetes import fences, onboarding
from clusters.kubernetes.api import Api, ApiRefused
from clusters.kubernetes.calls import Object, batch, core, in_our_words
from clusters.kubernetes.fences import Space
from clusters.kubernetes.names import ACCOUNT, JOBS_ACCOUNT, LABEL_ACCOUNT
from clusters.kubernetes.onboarding import as_yaml
from clusters.kubernetes.rights import PREPARED, Right, rights

_ENFORCE = "pod-security.kubernetes.io/enforce"


@dataclass(frozen=True)
class Missing:
    """A sentence for an admin, and what to paste ("" where there is nothing to paste)."""

    sentence: str
    yaml: str


def check(api: Api, space: Space, installation: str) -> list[Missing]:
    """What has to be added before jobs run there; empty: it is ready. Raises DriverError where it cannot be asked."""
    with in_our_words(f"the namespace {space.name}"):
        found = _namespace(api, space)
        if found is None:
            return [
                Missing(
                    f"There is no namespace {space.name}, or the portal may not look at it.",
                    as_yaml(onboarding.space_manifests(space, PREPARED)),
                )
            ]
        missing = list(_labels(found, space)) + list(_rights(api, space))
        if any(each.sentence.startswith("The portal may not") for each in missing):
            return missing
        return missing + list(_fences(api, space)) + list(_others(api, space, installation))


def _namespace(api: Api, space: Space) -> Object | None:
    try:
        return api.get(f"/api/v1/namespaces/{space.name}")
    except ApiRefused as refused:
        if refused.status in (403, 404):
            return None
        raise


def _labels(found: Object, space: Space) -> Iterator[Missing]:
    labels = found["metadata"].get("labels") or {}
    owner = labels.get(LABEL_ACCOUNT)
    if owner not in (None, space.account_namespace):
        yield Missing(
            f"The namespace {space.name} belongs to another portal (its {LABEL_ACCOUNT}: {owner}).", ""
        )
        return
    again = as_yaml(onboarding.space_manifests(space, PREPARED)[:1])
    if owner is None:
        yield Missing(f"The namespace {space.name} has no label {LABEL_ACCOUNT}.", again)
    if labels.get(_ENFORCE) != fences.POD_SECURITY:
        level = labels.get(_ENFORCE) or "none"
        yield Missing(
            f"Pod Security of the namespace {space.name} is {level} and has to be {fences.POD_SECURITY}.",
            again,
        )


def _rights(api: Api, space: Space) -> Iterator[Missing]:
    """By one question: what may I do there?"""
    asked = {"apiVersion": "authorization.k8s.io/v1", "kind": "SelfSubjectRulesReview"}
    answer = api.post(
        "/apis/authorization.k8s.io/v1/selfsubjectrulesreviews",
        asked | {"spec": {"namespace": space.name}},
    )
    held = (answer.get("status") or {}).get("resourceRules") or []
    for right in rights(PREPARED):
        lacks = [verb for verb in right.verbs if not any(_allows(rule, right, verb) for rule in held)]
        if right.scope == "namespace" and lacks:
            yield Missing(
                f"The portal may not {', '.join(lacks)} {right.resource} in {space.name}, which it needs to"
                f" {right.purpose}.",
                onboarding.right_yaml(space.name, PREPARED, right, space.account_namespace),
            )


def _allows(rule: Mapping[str, Any], right: Right, verb: str) -> bool:
    asked = (("verbs", verb), ("apiGroups", right.group), ("resources", right.resource))
    return not rule.get("resourceNames") and all(
        {value, "*"} & set(rule.get(key) or []) for key, value in asked
    )


def _fences(api: Api, space: Space) -> Iterator[Missing]:
    """An admin's own names and numbers are as good as ours; that there are some is what counts."""
    kinds: tuple[tuple[str, str, Object, Callable[[Object], bool]], ...] = (
        (
            f"{core(space.name)}/serviceaccounts",
            f"no ServiceAccount {JOBS_ACCOUNT}, as which jobs run",
            fences.jobs_account(space.name),
            lambda each: each["metadata"]["name"] == JOBS_ACCOUNT,
        ),
        (
            f"{core(space.name)}/resourcequotas",
            "no ResourceQuota, so one team could take all",
            fences.resource_quota(space),
            lambda each: bool((each.get("spec") or {}).get("hard")),
        ),
        (
            f"{core(space.name)}/limitranges",
            "no LimitRange, so a container could come without limits",
            fences.limit_range(space.name),
            lambda each: bool((each.get("spec") or {}).get("limits")),
        ),
        (
            f"/apis/networking.k8s.io/v1/namespaces/{space.name}/networkpolicies",
            "no NetworkPolicy that lets nobody in, so others could connect to its jobs",
            fences.network_policy(space),
            _denies_ingress,
        ),
    )
    for path, lack, manifest, is_one in kinds:
        if not any(map(is_one, api.get(path).get("items") or [])):
            yield Missing(f"The namespace {space.name} has {lack}.", as_yaml([manifest]))


def _denies_ingress(policy: Object) -> bool:
    spec = policy.get("spec") or {}
    is_for_all = not any((spec.get("podSelector") or {}).values())
    return is_for_all and "Ingress" in (spec.get("policyTypes") or []) and not spec.get("ingress")


def _others(api: Api, space: Space, installation: str) -> Iterator[Missing]:
    selector = f"{LABEL_INSTALLATION},{LABEL_INSTALLATION}!={installation}"
    answer = api.get(f"{batch(space.name)}/jobs", {"labelSelector": selector, "limit": 1})
    if answer.get("items"):
        yield Missing(
            f"Another Stellwerk has jobs in the namespace {space.name}. Give {ACCOUNT} one of its own for this team.",
            "",
        )
