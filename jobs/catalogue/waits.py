"""What a job waits for: an entry for each word of clusters.causes.Wait, and for the portal's own."""

from clusters.causes import Wait
from jobs.catalogue.entries import Entry, plain, pointing, quoting
from jobs.catalogue.situation import Explanation, Own, Situation

BY_ITSELF = "It starts by itself when other jobs end. A smaller profile may start sooner."
RETRIES = "The cluster tries again by itself. If it stays like this, tell an admin."
TELL_ADMIN = (
    "It will not start like this: tell an admin, or choose another environment with Run with changes."
)


def silent_node(now: Situation) -> Explanation:
    node = f"The node {now.fact('node')}" if now.fact("node") else "Its node"
    since = f" since {now.fact('since')}" if now.fact("since") else ""
    return Explanation(
        f"{node} of {now.cluster} does not answer{since}; the script may go on running there.",
        "Nothing is decided before the node is heard of again. If it is gone for good, an admin has to remove it from "
        "the cluster; you can also cancel the job.",
    )


def unknown_wait(now: Situation) -> Explanation:
    return Explanation(f"{now.cluster} has not started it yet.{now.said}", RETRIES)


def _unschedulable(now: Situation) -> Explanation:
    entry = _PLACING.get(now.fact("kind"), _no_room)
    told = entry(now)
    others = now.fact("others")
    return Explanation(f"{told.sentence} {others}" if others else told.sentence, told.advice)


def _no_room(now: Situation) -> Explanation:
    return Explanation(f"Waiting for room on {now.cluster}: no node fits it now.{now.said}", BY_ITSELF)


def _resource(now: Situation) -> Explanation:
    noun, asked = now.fact("noun"), now.fact("asked")
    free, missing, largest = now.fact("free"), now.fact("missing"), now.fact("largest")
    begin = f"Waiting for {noun}: it asks for {asked}"
    if now.facts.get("is_never"):
        has = f"has {largest}" if largest else "has any"
        node = "the largest node that it may use" if largest else "no node that it may use"
        return Explanation(f"{begin}, and {node} on {now.cluster} {has}.", _never(now, noun))
    if not free:
        return Explanation(f"{begin}, and no node of {now.cluster} has so much free.", BY_ITSELF)
    lack = f": {missing} more is needed" if missing else ""
    return Explanation(
        f"{begin}, and the node of {now.cluster} with most room has {free} free{lack}.", BY_ITSELF
    )


def _never(now: Situation, noun: str) -> str:
    if now.adds_nodes:
        return f"The cluster may add a node for it. If it does not, choose a profile with less {noun}."
    return (
        f"It cannot start like this: choose Run with changes and a profile with less {noun}, "
        "or ask an admin for a larger node."
    )


def _label(now: Situation) -> Explanation:
    asked = now.fact("labels")
    return Explanation(
        f"No node of {now.cluster} has the label{f' {asked}' if asked else 's'} that its profile asks for.",
        "It cannot start like this: choose another profile with Run with changes, or ask an admin to correct the "
        "profile or to label a node.",
    )


def _taint(now: Situation) -> Explanation:
    return Explanation(
        f"{now.cluster} keeps the nodes that could run it for other work (taint {now.fact('taint') or 'unknown'}).",
        "Choose another profile with Run with changes, or ask an admin whether the profile should tolerate that taint.",
    )


def _cordoned(now: Situation) -> Explanation:
    return Explanation(
        f"No node of {now.cluster} takes new work at the moment: they are out of service or being serviced.",
        "It starts by itself when a node is back. An admin knows for how long.",
    )


def _pods(now: Situation) -> Explanation:
    return Explanation(
        f"Waiting for a place: the nodes of {now.cluster} run as many pods as they may.",
        "It starts by itself when other jobs end.",
    )


def _no_nodes(now: Situation) -> Explanation:
    return Explanation(
        f"{now.cluster} has no nodes at the moment, so nothing can run there.",
        "It starts by itself when there are some. If nobody adds one, tell an admin.",
    )


_PLACING: dict[str, Entry] = {
    "resource": _resource,
    "label": _label,
    "taint": _taint,
    "cordoned": _cordoned,
    "pods": _pods,
    "none": _no_nodes,
}


def _quota(now: Situation) -> Explanation:
    asked, used, limit, noun = (now.fact(name) for name in ("asked", "used", "limit", "noun"))
    if not asked:
        return Explanation(
            f"The quota of its namespace on {now.cluster} is used up.{now.said}", _QUOTA_ADVICE
        )
    if now.facts.get("is_never"):
        return Explanation(
            f"It asks for {asked} of {noun}, and the quota of its namespace on {now.cluster} allows {limit} in all.",
            f"It cannot start like this: choose a profile with less {noun}, or ask an admin for a larger quota.",
        )
    return Explanation(
        f"The quota of its namespace on {now.cluster} is used up: it asks for {asked} of {noun}, "
        f"and {used} of {limit} are in use.",
        _QUOTA_ADVICE,
    )


_QUOTA_ADVICE = "It starts by itself when other jobs of the team end; a smaller profile may start sooner."


def _limit_range(now: Situation) -> Explanation:
    asked, limit, noun = (now.fact(name) for name in ("asked", "limit", "noun"))
    detail = f": it asks for {asked} of {noun}, and {limit} is the limit" if asked and limit else ""
    return Explanation(
        f"Its profile is outside of what its namespace on {now.cluster} allows one pod{detail}."
        + ("" if detail else now.said),
        "It cannot start like this: choose another profile with Run with changes, or ask an admin to change the limit.",
    )


def _config_missing(now: Situation) -> Explanation:
    kind = {"secret": "Secret", "configmap": "ConfigMap"}.get(now.fact("kind"), "")
    what = f"the {kind} “{now.fact('name')}”" if kind else "a Secret or ConfigMap"
    key = f" with the key “{now.fact('key')}”" if now.fact("key") else ""
    return Explanation(
        f"Its pod on {now.cluster} needs {what}{key}, which is not there." + ("" if kind else now.said),
        "It starts by itself once it is there; an admin has to make it.",
    )


def _pull_secret(now: Situation) -> Explanation:
    name = now.fact("name")
    return Explanation(
        f"The login for the registry of {now.image} is missing on {now.cluster}"
        + (f": there is no Secret “{name}”." if name else "."),
        "An admin has to make the Secret in the jobs' namespace, or choose another one for the environment.",
    )


WAITS: dict[str, Entry] = {
    Wait.UNSCHEDULABLE: _unschedulable,
    Wait.PREEMPTING: plain(
        "Waiting until {cluster} has moved less important work out of the way.",
        "It starts by itself, usually within a minute.",
    ),
    Wait.GATED: quoting("A queue of {cluster} holds it back.", "It starts by itself when it is its turn."),
    Wait.SCHEDULER_SILENT: plain(
        "{cluster}'s scheduler is not acting: nobody has looked for a node for it.",
        "It starts by itself when the scheduler is back. If it stays like this, tell an admin.",
    ),
    Wait.CONTROLLERS_SILENT: plain(
        "{cluster} has taken the job, but its controllers have not made a pod for it: they are busy or not acting.",
        "It starts by itself when they act. If it stays like this, tell an admin.",
    ),
    Wait.QUOTA: _quota,
    Wait.LIMIT_RANGE: _limit_range,
    Wait.ADMISSION: quoting(
        "A rule of {cluster} does not let it in.",
        "It cannot start like this: choose another environment or profile with Run with changes, or ask an admin.",
    ),
    Wait.POD_REFUSED: quoting("{cluster} cannot make a pod for it.", RETRIES),
    Wait.SPACE_MISSING: plain(
        "The namespace for its team is not there on {cluster}.",
        "An admin has to make it, or to correct the connection.",
    ),
    Wait.SPACE_ENDING: plain(
        "The namespace for its team is being deleted on {cluster}.",
        "Ask an admin; nothing can start in it any more.",
    ),
    Wait.RIGHTS_MISSING: quoting(
        "The portal's account on {cluster} may not do what starting it needs.",
        "An admin has to give it the right; the cluster's check shows the line to paste.",
    ),
    Wait.IMAGE_MISSING: pointing(
        "The image of {image} is not in its registry.",
        "It will not start like this: choose another environment with Run with changes, and tell an admin.",
    ),
    Wait.IMAGE_LOGIN: pointing(
        "{cluster} may not fetch the image of {image}: the registry wants a login, or has no such image.",
        "An admin has to check the image's name and its login. It starts by itself once they are right.",
    ),
    Wait.IMAGE_LIMIT: pointing(
        "The registry lets {cluster} fetch no more images for now (a rate limit), so {image} has to wait.",
        "It starts by itself later. An admin can raise the limit with a login, or mirror the image.",
    ),
    Wait.IMAGE_REGISTRY: pointing(
        "{cluster} cannot reach the registry that has the image of {image}, and keeps trying.",
        "It starts by itself once the registry answers. If it stays like this, tell an admin.",
    ),
    Wait.IMAGE_PLATFORM: pointing(
        "The image of {image} is not made for the processors of {cluster}.", TELL_ADMIN
    ),
    Wait.PULL_SECRET_MISSING: _pull_secret,
    Wait.IMAGE_PULL: pointing("{cluster} cannot get the image of {image} yet, and keeps trying.", RETRIES),
    Wait.IMAGE_NAME: pointing(
        "{cluster} cannot use the image of {image}: its name is wrong, or it is not there.", TELL_ADMIN
    ),
    Wait.CONFIG_MISSING: _config_missing,
    Wait.CONTAINER_CONFIG: quoting("{cluster} cannot set its pod up.", RETRIES),
    Wait.VOLUME: quoting("{cluster} has not got the disk or the network of its pod ready.", RETRIES),
    Wait.PREPARING: quoting("A node of {cluster} is preparing it, and it takes longer than usual.", RETRIES),
    Wait.NODE_SILENT: silent_node,
    Own.CLUSTER_REFUSED: quoting(
        "{cluster} refuses the job; the portal tries again a few times.", "If it goes on, tell an admin."
    ),
    Own.NO_PLACE: quoting(
        "There is no place for it on {cluster} yet.", "It starts by itself once an admin has settled it."
    ),
}
