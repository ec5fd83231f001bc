"""A cluster's settings: of this machine the name; of a Kubernetes cluster also where and how jobs run there."""

from typing import Any

from django import forms
from django.db import transaction

from clusters.connecting.place import NameForm, PlaceForm, initial_of
from clusters.models import Cluster, KubernetesConnection
from clusters.shown import ClusterShown


class MachineSettings(NameForm):
    """Of this machine."""

    def save(self) -> None:
        """Raises IntegrityError when the name was taken meanwhile."""
        assert self.cluster is not None  # noqa: S101 (settings_form gives it)
        with transaction.atomic():
            Cluster.objects.filter(pk=self.cluster.pk).update(name=self.cleaned_data["name"])


class ClusterSettings(PlaceForm):
    """Of a Kubernetes cluster."""

    adds_nodes = forms.BooleanField(
        required=False,
        label="An autoscaler adds nodes here",
        help_text="What fits no node today may fit one tomorrow: such jobs wait instead of being told to give up.",
        widget=forms.CheckboxInput(attrs={"class": "form-check-input"}),
    )

    def __init__(self, *args: Any, shown: ClusterShown, **options: Any) -> None:
        super().__init__(*args, cluster=shown.cluster, **options)
        self.shown = shown

    def clean(self) -> dict[str, Any]:
        """Where jobs run cannot change under those that are there."""
        values = self.cleaned_data
        row = self.shown.row
        assert row is not None  # noqa: S101 (settings_form)
        if self.shown.there:
            count = "A job is" if self.shown.there == 1 else f"{self.shown.there} jobs are"
            for name in ("namespace", "space_mode"):
                if name in values and values[name] != getattr(row, name):
                    self.add_error(
                        name, f"{count} there. Change this when they have ended, or cancel them first."
                    )
        return values

    def save(self) -> None:
        """Raises IntegrityError when the name was taken meanwhile."""
        cluster = self.shown.cluster
        names = ["namespace", "space_mode", "runner_image", "runner_pull_secret", "portal_url", "changed_at"]
        with transaction.atomic():
            facts = {"name": self.cleaned_data["name"], "adds_nodes": self.cleaned_data["adds_nodes"]}
            Cluster.objects.filter(pk=cluster.pk).update(**facts)
            row = KubernetesConnection.objects.select_for_update().get(cluster=cluster)
            self.write_to(row)
            row.save(update_fields=names)


def settings_form(cluster: Cluster, shown: ClusterShown, data: Any) -> MachineSettings | ClusterSettings:
    """Bound to `data`, or showing what is set."""
    if shown.row is None:
        return MachineSettings(data, cluster=cluster, initial={"name": cluster.name})
    initial = initial_of(cluster, shown.row) | {"adds_nodes": cluster.adds_nodes}
    return ClusterSettings(data, shown=shown, initial=initial)
