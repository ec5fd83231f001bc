"""The form of a profile: amounts as people write them, labels and tolerations a line each."""

from decimal import Decimal, InvalidOperation
from typing import Any

from django import forms

from clusters.connecting.fields import Lines, Typed
from clusters.models import Cluster, DriverKind, Profile
from clusters.names import EFFECTS, Misnamed, check_label, shortened, toleration_text
from clusters.offering.image_form import next_position

GIB = 1024**3
RESOURCE = "nvidia.com/gpu"
ONLY_KUBERNETES = ("gpu_count", "gpu_resource", "node_labels", "tolerations")


class ProfileForm(forms.Form):
    """Of a new profile of `cluster`, or of `profile`."""

    name = Typed(
        required=False, max_length=60, mono=False, label="Name", help_text="Such as “Small” or “One GPU”."
    )
    cores = Typed(required=False, label="Cores", help_text="Parts of one too: 0.5.")
    memory = Typed(required=False, label="Memory, GiB", help_text="A script that needs more is stopped.")
    disk = Typed(required=False, label="Disk, GiB", help_text="Scratch space, and the largest file.")
    max_processes = Typed(required=False, label="Processes", initial="512", help_text="At the same time.")
    gpu_count = Typed(required=False, label="GPUs", initial="0")
    gpu_resource = Typed(required=False, max_length=100, label="GPU resource")
    node_labels = Lines(
        rows=3,
        required=False,
        label="Only nodes with these labels",
        placeholder="gpu-model=a100",
        help_text="One name=value per line.",
    )
    tolerations = Lines(
        rows=3,
        required=False,
        label="Taints that do not keep it away",
        placeholder="dedicated=research:NoSchedule",
        help_text="One key, key=value or key=value:effect per line.",
    )

    def __init__(self, data: Any, cluster: Cluster, profile: Profile | None = None) -> None:
        super().__init__(data, initial=shown(profile) if profile else {"gpu_resource": RESOURCE})
        self.cluster, self.profile = cluster, profile
        self.fields["gpu_resource"].widget.attrs["list"] = "gpu-resources"
        if cluster.driver == DriverKind.LOCAL:
            for name in ONLY_KUBERNETES:
                del self.fields[name]

    def clean_name(self) -> str:
        """Once on each cluster."""
        name: str = " ".join(self.cleaned_data["name"].split())
        if not name:
            raise forms.ValidationError("Give the profile a name that people choose it by.")
        others = self.cluster.profiles.filter(name__iexact=name)
        if self.profile:
            others = others.exclude(pk=self.profile.pk)
        if others.exists():
            raise forms.ValidationError("This cluster has a profile of this name. Choose another name.")
        return name

    def clean_cores(self) -> int:
        """Thousandths."""
        return _scaled(self.cleaned_data["cores"], 1000, (0.1, 1024), "cores")

    def clean_memory(self) -> int:
        """Bytes."""
        return _scaled(self.cleaned_data["memory"], GIB, (0.0625, 65536), "GiB of memory")

    def clean_disk(self) -> int:
        """Bytes."""
        return _scaled(self.cleaned_data["disk"], GIB, (0.25, 65536), "GiB of disk")

    def clean_max_processes(self) -> int:
        """512 where nothing is given."""
        return _scaled(self.cleaned_data["max_processes"] or "512", 1, (8, 1_000_000), "processes")

    def clean_gpu_count(self) -> int:
        """None where nothing is given."""
        return _scaled(self.cleaned_data["gpu_count"] or "0", 1, (0, 64), "GPUs")

    def clean_gpu_resource(self) -> str:
        """As nodes name it."""
        text: str = self.cleaned_data["gpu_resource"]
        if text:
            _typed(lambda: _check_resource(text))
        return text

    def clean_node_labels(self) -> dict[str, str]:
        """By name."""
        return dict(_typed(lambda: parse_labels(self.cleaned_data["node_labels"])))

    def clean_tolerations(self) -> list[dict[str, str]]:
        """In their order."""
        return list(_typed(lambda: parse_tolerations(self.cleaned_data["tolerations"])))

    def clean(self) -> dict[str, Any]:
        """GPUs need a resource."""
        values = self.cleaned_data
        if values.get("gpu_count") and values.get("gpu_resource") == "":
            self.add_error("gpu_resource", f"Name the resource that the nodes have, such as {RESOURCE}.")
        return values

    def values(self) -> dict[str, Any]:
        """Of a valid form, by the model's names."""
        found = dict(self.cleaned_data)
        names = {"cores": "cpu_millis", "memory": "memory_bytes", "disk": "disk_bytes"}
        found = {names.get(name, name): value for name, value in found.items()}
        if not found.get("gpu_count"):
            found["gpu_resource"] = ""
        return found

    def save(self) -> Profile:
        """Raises IntegrityError when the name was taken meanwhile."""
        profile = self.profile or Profile(cluster=self.cluster, position=next_position(self.cluster.profiles))
        for name, value in self.values().items():
            setattr(profile, name, value)
        profile.save()
        return profile


def shown(profile: Profile) -> dict[str, Any]:
    """The fields of a profile that is there."""
    labels = "\n".join(f"{name}={value}" for name, value in profile.node_labels.items())
    return {
        "name": profile.name,
        "cores": profile.cores,
        "memory": f"{profile.memory_bytes / GIB:g}",
        "disk": f"{profile.disk_bytes / GIB:g}",
        "max_processes": profile.max_processes,
        "gpu_count": profile.gpu_count,
        "gpu_resource": profile.gpu_resource or RESOURCE,
        "node_labels": labels,
        "tolerations": "\n".join(toleration_text(toleration) for toleration in profile.tolerations),
    }


def parse_labels(text: str) -> dict[str, str]:
    """`name=value` a line. Raises Misnamed."""
    found: dict[str, str] = {}
    for number, line in _lines(text):
        name, equals, value = (part.strip() for part in line.partition("="))
        if not equals:
            raise Misnamed(f"Line {number}: “{shortened(line)}” has no “=”. Write name=value.")
        _check(number, name, value)
        if found.setdefault(name, value) != value:
            raise Misnamed(f"Line {number}: {name} has another value above. No node has both: keep one.")
    return found


def parse_tolerations(text: str) -> list[dict[str, str]]:
    """`key[=value][:effect]` a line. Raises Misnamed."""
    found = []
    for number, line in _lines(text):
        rest, colon, effect = line.rpartition(":") if ":" in line else (line, "", "")
        key, _, value = (part.strip() for part in rest.partition("="))
        _check(number, key, value)
        if colon and effect.strip() not in EFFECTS:
            raise Misnamed(
                f"Line {number}: “{shortened(effect)}” is no effect. There are {', '.join(EFFECTS)}."
            )
        found.append({"key": key, "value": value, "effect": effect.strip()})
    return found


def _check_resource(text: str) -> None:
    try:
        check_label(text, "")
    except Misnamed:
        raise Misnamed(f"“{shortened(text)}” is no resource. Write it as the nodes do: {RESOURCE}.") from None


def _lines(text: str) -> list[tuple[int, str]]:
    return [(number, line.strip()) for number, line in enumerate(text.splitlines(), 1) if line.strip()]


def _check(number: int, name: str, value: str) -> None:
    try:
        check_label(name, value)
    except Misnamed as error:
        raise Misnamed(f"Line {number}: {error}") from None


def _typed(parse: Any) -> Any:
    try:
        return parse()
    except Misnamed as error:
        raise forms.ValidationError(str(error)) from None


def _scaled(text: str, unit: int, bounds: tuple[float, float], what: str) -> int:
    """A number in people's units, as a whole number of ours."""
    # The float 0.1 is a little more than a tenth, and would refuse one.
    least, most = (Decimal(str(bound)) for bound in bounds)
    try:
        number = Decimal(text.strip().replace(",", "."))
    except InvalidOperation:
        number = Decimal("NaN")
    is_whole = unit > 1 or number == number.to_integral_value() if number.is_finite() else False
    if not is_whole or not least <= number <= most:
        raise forms.ValidationError(f"Write how many {what}: a number from {least} to {most}.")
    return int(number * unit)
