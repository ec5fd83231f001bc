"""How entries of the catalogue are made."""

from collections.abc import Callable
from dataclasses import replace

from jobs.catalogue.situation import Explanation, Situation

Entry = Callable[[Situation], Explanation]
KEPT = "Output that had arrived is kept."


def plain(sentence: str, advice: str) -> Entry:
    """The sentence may name {cluster} and {image} (the environment)."""

    def entry(now: Situation) -> Explanation:
        return Explanation(sentence.format(cluster=now.cluster, image=now.image), advice)

    return entry


def pointing(sentence: str, advice: str) -> Entry:
    """As `plain`, for causes whose raw words are long and say no more: they are in the tab Details."""

    def entry(now: Situation) -> Explanation:
        where = " What the cluster said is in Details." if now.detail.strip() else ""
        return Explanation(sentence.format(cluster=now.cluster, image=now.image), advice + where)

    return entry


def quoting(sentence: str, advice: str) -> Entry:
    """As `plain`, followed by the cluster's own words."""

    def entry(now: Situation) -> Explanation:
        return Explanation(sentence.format(cluster=now.cluster, image=now.image) + now.said, advice)

    return entry


def keeping(entry: Entry) -> Entry:
    """The same entry, whose advice says that the output is there while it is."""

    def kept(now: Situation) -> Explanation:
        told = entry(now)
        return replace(told, advice=f"{KEPT} {told.advice}") if now.has_output else told

    return kept
