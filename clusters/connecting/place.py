"""What a cluster is called, where in it jobs run, and how they reach the portal: asked on the way in and later."""

from typing import Any

from django import forms
from django.conf import settings

from clusters.connecting.fields import Typed
from clusters.models import Cluster, KubernetesConnection, SpaceMode
from clusters.names import check_namespace, check_portal_url, check_reference, check_secret_name, is_loopback

RUNNER_IMAGE = "python:3.12-slim"
MODES = {
    SpaceMode.ONE: "Jobs of all teams run in the namespace above. The simplest: one account, one place to look at.",
    SpaceMode.PREPARED: "You make a namespace for each team and name it on the cluster's page. Teams are kept apart,"
    " and the portal needs no right to make anything outside them.",
    SpaceMode.MADE: "The portal makes and looks after a namespace for each team, with its limits. Teams are kept"
    " apart without any work of yours; the account may then make namespaces.",
}


class NameForm(forms.Form):
    """A cluster's name in the portal."""

    name = Typed(
        required=False,
        max_length=80,
        mono=False,
        label="Name",
        placeholder="Research cluster",
        help_text="People read it when they choose where a job runs.",
    )

    def __init__(self, *args: Any, cluster: Cluster | None = None, **options: Any) -> None:
        super().__init__(*args, **options)
        self.cluster = cluster
        self.taken: Cluster | None = None

    def clean_name(self) -> str:
        """Once only, however it is capitalised."""
        name: str = " ".join(self.cleaned_data["name"].split())
        if not name:
            raise forms.ValidationError("Give the cluster a name that people know it by.")
        others = Cluster.objects.filter(name__iexact=name)
        if self.cluster:
            others = others.exclude(pk=self.cluster.pk)
        self.taken = others.first()
        if self.taken:
            raise forms.ValidationError(f"{self.taken.name} is here already. Choose another name.")
        return name


class PlaceForm(NameForm):
    """The rest of a Kubernetes cluster that is no secret."""

    namespace = Typed(
        check_namespace,
        required=False,
        label="Namespace",
        initial="stellwerk",
        help_text="Where the portal's account lives.",
    )
    space_mode = forms.ChoiceField(
        choices=SpaceMode.choices, initial=SpaceMode.ONE, required=False, label="Where jobs run"
    )
    runner_image = Typed(
        check_reference,
        required=False,
        max_length=300,
        label="Runner image",
        initial=RUNNER_IMAGE,
        placeholder=RUNNER_IMAGE,
        help_text="An image with Python 3.9 or newer that brings files to the script and its output back."
        f" Nodes must be able to pull it. Left empty, it is {RUNNER_IMAGE}.",
    )
    runner_pull_secret = Typed(
        check_secret_name,
        required=False,
        label="Its pull secret",
        help_text="Only for a registry with a login: the name of the Secret in the jobs' namespace.",
    )
    portal_url = Typed(
        check_portal_url,
        required=False,
        max_length=300,
        label="Portal address for jobs",
        help_text="Pods send their output there. They must be able to reach it from inside the cluster.",
    )

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self.fields["portal_url"].initial = settings.PORTAL_URL_FOR_JOBS

    @property
    def modes(self) -> list[dict[str, Any]]:
        """The three choices with what they mean."""
        chosen = self["space_mode"].value() or SpaceMode.ONE
        return [
            {"value": mode.value, "label": mode.label, "help": text, "is_chosen": chosen == mode.value}
            for mode, text in MODES.items()
        ]

    @property
    def has_loopback_url(self) -> bool:
        """No mistake for the portal, but no pod would reach it."""
        try:
            return is_loopback(str(self["portal_url"].value() or settings.PORTAL_URL_FOR_JOBS))
        except ValueError:
            return False

    def clean_namespace(self) -> str:
        """Always one."""
        if not self.cleaned_data["namespace"]:
            raise forms.ValidationError("Give the namespace in which the portal's account lives.")
        return str(self.cleaned_data["namespace"])

    def clean_space_mode(self) -> str:
        """ONE where nothing was chosen."""
        return self.cleaned_data["space_mode"] or SpaceMode.ONE

    def clean_runner_image(self) -> str:
        """Ours where none was given."""
        return self.cleaned_data["runner_image"] or RUNNER_IMAGE

    def clean_portal_url(self) -> str:
        """ "" follows the setting, now and later."""
        url: str = self.cleaned_data["portal_url"]
        return "" if url == settings.PORTAL_URL_FOR_JOBS.rstrip("/") else url

    def write_to(self, row: KubernetesConnection) -> None:
        """The values into the row, which is not saved."""
        for name in ("namespace", "space_mode", "runner_image", "runner_pull_secret", "portal_url"):
            setattr(row, name, self.cleaned_data[name])


def initial_of(cluster: Cluster, row: KubernetesConnection) -> dict[str, str]:
    """What the form begins with for a cluster that is connected."""
    found = {name: str(getattr(row, name)) for name in PlaceForm.base_fields if name != "name"}
    return found | {"name": cluster.name, "portal_url": row.portal_url or settings.PORTAL_URL_FOR_JOBS}
