"""Whether users' images can be pulled and have what starts a script: a POSIX shell with `sleep`, and nothing else."""

from collections.abc import Iterator, Sequence

from clusters.doctor import podlook
from clusters.doctor.lines import Line, Title
from clusters.doctor.podlook import Trouble
from clusters.doctor.watcher import PROBE_SECONDS, Watcher
from clusters.kubernetes.probe import Probe, Tried
from clusters.models import Cluster, Image

SHELL = Title("environment", "Environment")
# So many images beside the first one: each is a container of the test pod.
MOST_OTHERS = 9
TOO_MANY = "Not tried: there are too many environments for one pod."
OTHER_LOGIN = (
    "Not tried: its login is not that of {}, and a pod's login opens all its images. Its first job will tell."
)


def images_of(cluster: Cluster) -> list[Image]:
    """The environments that are offered there, each image once with each login."""
    found: dict[tuple[str, str], Image] = {}
    for image in Image.objects.filter(cluster=cluster, is_enabled=True):
        found.setdefault((image.reference, image.pull_secret), image)
    return list(found.values())


def choose(images: Sequence[Image]) -> tuple[tuple[Tried, ...], dict[str, str]]:
    """The images that are tried beside the first one; and why the others are not, by label.

    Nodes use each of a pod's logins for all its images, so only those with the first one's login are.
    """
    beside = [image for image in images[1:] if image.pull_secret == images[0].pull_secret]
    others = tuple(
        Tried(f"other-{number}", image.reference, image.label)
        for number, image in enumerate(beside[:MOST_OTHERS], 2)
    )
    left = dict.fromkeys((image.label for image in beside[MOST_OTHERS:]), TOO_MANY)
    left |= {image.label: OTHER_LOGIN.format(images[0].label) for image in images[1:] if image not in beside}
    return others, left


def environments(probe: Probe, watcher: Watcher) -> Iterator[Line]:
    """A line for each environment that there was when the pod was made, the first one's first."""
    if not probe.image:
        yield SHELL.skipped("This cluster has no environment yet: add one, and let the doctor come again.")
        return
    yield _line(Title(SHELL.key, f"{SHELL.title} {probe.label}"), probe.image, "main", watcher)
    for other in probe.others:
        yield _line(_title(other.label), other.image, other.name, watcher)
    for label, why in probe.untried.items():
        yield _title(label).skipped(why)


def _title(label: str) -> Title:
    return Title(f"{SHELL.key}:{label}", f"{SHELL.title} {label}")


def _line(title: Title, image: str, container: str, watcher: Watcher) -> Line:
    trouble = watcher.until(lambda look: podlook.ended(look.pod, container) is not None, (container,))
    if trouble is not None:
        return image_trouble(title, trouble, image)
    end = podlook.ended(watcher.look.pod, container)
    assert end is not None  # noqa: S101
    if end.exit_code == 0:
        return title.passed(f"{image} was pulled and has the POSIX shell that starts scripts.")
    words = end.message.strip()[-300:]
    if not end.has_run:
        return title.failed(
            f"The environment {image} could not start /bin/sh ({words}). Scripts are started by a POSIX shell: "
            "use an image that has one (most have; distroless images have none)."
        )
    if end.exit_code == 3:
        return title.failed(
            f"The environment {image} has a shell but no `sleep`, which keeps the time limit."
        )
    return title.failed(
        f"The shell of the environment {image} ended with code {end.exit_code}. {words}".strip()
    )


def image_trouble(title: Title, trouble: Trouble, image: str) -> Line:
    """Pure: why a container does not start."""
    image, words = trouble.image or image, trouble.words.strip()
    if trouble.stage == "image":
        return title.failed(
            f"The image {image} cannot be pulled: {words.rstrip('.')}. Correct its name, give its registry's login as "
            "a pull secret, or let the nodes reach the registry."
        )
    if trouble.stage == "slow":
        return title.warned(
            f"The container with {image} has not started within {PROBE_SECONDS:.0f} s. Without an error that is most "
            "often a large image on its way: let the doctor come again in some minutes."
        )
    return title.failed(f"The container with {image} does not start: {words}")
