"""Each right that the portal uses, asked of the cluster itself (SelfSubjectAccessReview); what is missing is named."""

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from clusters.doctor.ground import Ground
from clusters.doctor.lines import Fix, Line, Title
from clusters.kubernetes import onboarding
from clusters.kubernetes.api import Api
from clusters.kubernetes.onboarding import Right

PATH = "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews"
AT_ONCE = 4
# Of many teams' namespaces so many are looked at; their own checks look at all.
MOST_NAMESPACES = 12
RIGHTS = Title("rights", "Permissions")


@dataclass(frozen=True)
class Question:
    """May the portal do this here? `namespace` "" is everywhere."""

    right: Right
    verb: str
    namespace: str


def rights(ground: Ground) -> Iterator[Line]:
    """One line for each right of the mode, in its order."""
    for right in onboarding.rights(ground.row.space_mode):
        ground.check_time()
        yield line_of(right, ground.row.space_mode, missing(ground, right), ground.row.namespace)


def missing(ground: Ground, right: Right) -> list[Question]:
    """What of a right the portal does not have."""
    asked = questions(right, ground.namespaces()[:MOST_NAMESPACES])
    with ThreadPoolExecutor(max_workers=AT_ONCE) as pool:
        answers = list(pool.map(lambda question: may(ground.api, question), asked))
    return [question for question, answer in zip(asked, answers, strict=True) if not answer]


def questions(right: Right, namespaces: Sequence[str]) -> list[Question]:
    """Pure: each verb at each place where the right has to hold."""
    places = [""] if right.scope == "cluster" else namespaces
    return [Question(right, verb, place) for place in places for verb in right.verbs]


def may(api: Api, question: Question) -> bool:
    """Whether the cluster says yes to all of it. Raises ApiRefused, ClusterUnreachable."""
    resource, _, part = question.right.resource.partition("/")
    attributes = {"group": question.right.group, "resource": resource, "verb": question.verb}
    more = {"subresource": part, "namespace": question.namespace}
    attributes |= {name: value for name, value in more.items() if value}
    for name in question.right.names or ("",):
        asked = {**attributes, "name": name} if name else attributes
        body = {"apiVersion": "authorization.k8s.io/v1", "kind": "SelfSubjectAccessReview"}
        answer = api.post(PATH, {**body, "spec": {"resourceAttributes": asked}})
        if not (answer.get("status") or {}).get("allowed"):
            return False
    return True


def line_of(right: Right, mode: str, lacking: Sequence[Question], namespace: str) -> Line:
    """Pure: the sentence names verbs, resource and places; the fix is what gives the right back."""
    where = "cluster" if right.scope == "cluster" else "namespace"
    kind = f"{right.resource}.{right.group}" if right.group else right.resource
    verbs = ", ".join(right.verbs)
    names = f" ({', '.join(right.names)})" if right.names else ""
    everywhere = " in the whole cluster" if right.scope == "cluster" else ""
    title = Title(f"right:{where}:{kind}:{'+'.join(right.verbs)}", f"{kind}{names}{everywhere}: {verbs}")
    if not lacking:
        return title.passed(f"The portal may {right.purpose}.")
    spaces = list(dict.fromkeys(question.namespace for question in lacking))
    lacking_verbs = list(dict.fromkeys(question.verb for question in lacking))
    place = f"in {', '.join(spaces)}" if spaces != [""] else "in the whole cluster"
    yaml_text = "---\n".join(
        onboarding.right_yaml(space or namespace, mode, right, namespace) for space in spaces
    )
    rights_lack = "a right" if len(lacking_verbs) == 1 else "rights"
    sentence = f"The portal lacks {rights_lack}: {', '.join(lacking_verbs)} on {kind}{names} {place}"
    if right.is_needed:
        needed = f"{sentence}. It has to {right.purpose}: apply the YAML as an admin of the cluster."
        return title.failed(needed, yaml_text, Fix.YAML)
    return title.warned(f"{sentence}. It cannot {right.purpose}; everything else works.", yaml_text, Fix.YAML)


def yaml_for(ground: Ground, resource: str, verb: str) -> str:
    """The YAML that gives this one right, where the mode has it; "" where it is not asked for."""
    for right in onboarding.rights(ground.row.space_mode):
        if right.resource == resource and verb in right.verbs:
            return onboarding.right_yaml(ground.row.namespace, ground.row.space_mode, right)
    return ""
