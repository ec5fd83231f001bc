"""What most clusters should offer, to be added with one click: common environments, and sizes that fit the nodes."""

from collections.abc import Iterable
from dataclasses import dataclass, field

from clusters.machine import GIB, Machine, sizes_for
from clusters.models import Cluster, Image, Profile
from clusters.nodes import Node
from clusters.offering.commands import LANGUAGES
from clusters.offering.image_form import next_position
from teams.wording import readable_bytes

# Of a node's room a tenth is for what the cluster itself runs there.
LEFT = 0.9
TAINT = ("key", "value", "effect")


@dataclass(frozen=True)
class ImagePreset:
    """`languages` are names from commands.LANGUAGES."""

    key: str
    label: str
    reference: str
    description: str
    languages: tuple[str, ...]

    @property
    def summary(self) -> str:
        """Of what it is made."""
        return self.reference


@dataclass(frozen=True)
class ProfilePreset:
    """A size."""

    key: str
    name: str
    cpu_millis: int
    memory_bytes: int
    disk_bytes: int
    gpus: dict[str, int] = field(default_factory=dict)
    tolerations: tuple[dict[str, str], ...] = ()

    @property
    def label(self) -> str:
        """For its button."""
        return self.name

    @property
    def summary(self) -> str:
        """ "1 core, 2 GiB"."""
        cores = self.cpu_millis / 1000
        words = [f"{cores:g} {'core' if cores == 1 else 'cores'}", readable_bytes(self.memory_bytes)]
        return ", ".join(words + [f"{count} × {name}" for name, count in self.gpus.items()])


IMAGES = (
    ImagePreset(
        "python-3.12",
        "Python 3.12",
        "python:3.12-slim",
        "Python with its standard library",
        ("python", "bash"),
    ),
    ImagePreset(
        "python-3.11",
        "Python 3.11",
        "python:3.11-slim",
        "Python with its standard library",
        ("python", "bash"),
    ),
    ImagePreset("r-4.4", "R 4.4", "rocker/r-ver:4.4", "R with its base packages", ("r", "bash")),
    ImagePreset(
        "julia-1.11", "Julia 1.11", "julia:1.11", "Julia with its standard library", ("julia", "bash")
    ),
)
USUAL = (
    ProfilePreset("small", "Small", 1000, 2 * GIB, 10 * GIB),
    ProfilePreset("medium", "Medium", 4000, 16 * GIB, 50 * GIB),
    ProfilePreset("large", "Large", 8000, 32 * GIB, 100 * GIB),
)


def image_presets(cluster: Cluster) -> list[ImagePreset]:
    """Those that the cluster does not have yet."""
    there = set(cluster.images.values_list("reference", flat=True)) | set(
        cluster.images.values_list("label", flat=True)
    )
    return [preset for preset in IMAGES if not {preset.reference, preset.label} & there]


def profile_presets(cluster: Cluster, nodes: Iterable[Node]) -> list[ProfilePreset]:
    """Those that the cluster does not have yet, none larger than its largest node."""
    there = {name.lower() for name in cluster.profiles.values_list("name", flat=True)}
    return [preset for preset in sized(list(nodes)) if preset.name.lower() not in there]


def sized(nodes: list[Node]) -> list[ProfilePreset]:
    """One to three sizes and one for each type of GPU; the usual ones where no node is known."""
    if not nodes:
        return list(USUAL)
    # Nodes with GPUs, or with taints, are for those who ask for them.
    plain = [node for node in nodes if node.is_tolerated(())] or nodes
    plain = [node for node in plain if not any(node.has.gpus.values())] or plain
    largest = max(plain, key=lambda node: (node.has.memory_bytes, node.has.cpu_millis)).has
    cores, memory = int(largest.cpu_millis * LEFT / 1000), int(largest.memory_bytes * LEFT)
    machine = Machine(max(cores, 1), memory, largest.disk_bytes or 400 * GIB)
    sizes = [
        ProfilePreset(size.name.lower(), size.name, min(size.cpu_millis, int(largest.cpu_millis * LEFT)),
                      size.memory_bytes, size.disk_bytes)
        for size in sizes_for(machine)
    ]  # fmt: skip
    names = sorted({name for node in nodes for name, count in node.has.gpus.items() if count})
    return sizes + [_with_gpu(name, [node for node in nodes if node.has.gpus.get(name)]) for name in names]


def add_image(cluster: Cluster, preset: ImagePreset) -> tuple[Image, bool]:
    """The environment; False beside the one that is there where it was added already."""
    commands = {
        ending: language.command.split()
        for language in LANGUAGES
        if language.name in preset.languages
        for ending in language.endings
    }
    values = {
        "reference": preset.reference,
        "description": preset.description,
        "entry_commands": commands,
        "position": next_position(cluster.images),
    }
    return Image.objects.get_or_create(cluster=cluster, label=preset.label, defaults=values)


def add_profile(cluster: Cluster, preset: ProfilePreset) -> tuple[Profile, bool]:
    """The profile; False beside the one that is there where it was added already."""
    resource, count = next(iter(preset.gpus.items()), ("", 0))
    values = {
        "cpu_millis": preset.cpu_millis,
        "memory_bytes": preset.memory_bytes,
        "disk_bytes": preset.disk_bytes,
        "gpu_resource": resource,
        "gpu_count": count,
        "tolerations": list(preset.tolerations),
        "position": next_position(cluster.profiles),
    }
    return Profile.objects.get_or_create(cluster=cluster, name=preset.name, defaults=values)


def _with_gpu(name: str, nodes: list[Node]) -> ProfilePreset:
    """One GPU with its share of the smallest node that has them, past the taints that keep others away."""
    node = min(nodes, key=lambda node: node.has.memory_bytes)
    share = LEFT / node.has.gpus[name]
    memory = max(int(node.has.memory_bytes * share) // GIB, 1) * GIB
    cpu = max(int(node.has.cpu_millis * share) // 1000 * 1000, 500)
    disk = min(50 * GIB, max(node.has.disk_bytes // 2, GIB)) if node.has.disk_bytes else 50 * GIB
    label = "One GPU" if name == "nvidia.com/gpu" else f"One GPU ({name.rpartition('/')[2]})"
    taints = tuple({key: str(taint.get(key) or "") for key in TAINT} for taint in node.taints)
    return ProfilePreset(f"gpu-{name}", label, cpu, memory, disk, {name: 1}, taints)
