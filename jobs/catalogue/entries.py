"""How entries of the catalogue are made."""

from collections.abc import Callable

from jobs.catalogue.situation import Explanation, Situation

Entry = Callable[[Situation], Explanation]


def plain(sentence: str, advice: str) -> Entry:
    """The sentence may name {cluster} and {image} (the environment)."""

    def entry(now: Situation) -> Explanation:
        return Explanation(sentence.format(cluster=now.cluster, image=now.image), advice)

    return entry


def quoting(sentence: str, advice: str) -> Entry:
    """As `plain`, followed by the cluster's own words."""

    def entry(now: Situation) -> Explanation:
        return Explanation(sentence.format(cluster=now.cluster, image=now.image) + now.said, advice)

    return entry
