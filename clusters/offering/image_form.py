"""The form of an environment."""

from typing import Any

from django import forms
from django.db import transaction
from django.db.models import Max
from django.utils.text import slugify

from clusters.connecting.fields import Typed
from clusters.models import Cluster, DriverKind, Image
from clusters.names import check_reference, check_secret_name
from clusters.offering.commands import Row, commands_of, rows_from, rows_of
from teams.models import Team


class ImageForm(forms.Form):
    """Of a new environment of `cluster`, or of `image`. On this machine there are no images to pull."""

    label = Typed(
        required=False,
        max_length=80,
        mono=False,
        label="Name",
        help_text="People choose it, such as “Python 3.12”.",
    )
    reference = Typed(
        check_reference,
        required=False,
        max_length=300,
        label="Image",
        placeholder="python:3.12-slim",
        help_text="Nodes pull it. It needs a shell (/bin/sh) and what runs the scripts; nothing of the portal.",
    )
    description = Typed(
        required=False,
        max_length=200,
        mono=False,
        label="Description",
        help_text="Which packages it has, for example.",
    )
    pull_secret = Typed(
        check_secret_name,
        required=False,
        label="Pull secret",
        help_text="Only for a registry with a login: the name of the Secret in the jobs' namespace.",
    )
    teams = forms.ModelMultipleChoiceField(
        Team.objects.all(),
        required=False,
        widget=forms.CheckboxSelectMultiple(attrs={"class": "form-check-input"}),
        label="Who may use it",
    )

    def __init__(self, data: Any, cluster: Cluster, image: Image | None = None) -> None:
        fields = ("label", "reference", "description", "pull_secret")
        initial: dict[str, Any] = {name: getattr(image, name) for name in fields} if image else {}
        if image:
            initial["teams"] = list(image.teams.values_list("pk", flat=True))
        super().__init__(data, initial=initial)
        self.cluster, self.image = cluster, image
        self.rows = rows_from(data) if data is not None else rows_of(image.entry_commands if image else {})
        if cluster.driver == DriverKind.LOCAL:
            del self.fields["reference"], self.fields["pull_secret"]

    @property
    def languages(self) -> list[Row]:
        """The rows with a box."""
        return [row for row in self.rows if row.language]

    @property
    def others(self) -> list[Row]:
        """The free rows."""
        return [row for row in self.rows if not row.language]

    def clean_label(self) -> str:
        """Once on each cluster."""
        label: str = " ".join(self.cleaned_data["label"].split())
        if not label:
            raise forms.ValidationError("Give the environment a name that people choose it by.")
        others = self.cluster.images.filter(label__iexact=label)
        if self.image:
            others = others.exclude(pk=self.image.pk)
        if others.exists():
            raise forms.ValidationError("This cluster has an environment of this name. Choose another name.")
        return label

    def clean_reference(self) -> str:
        """Always one."""
        if not self.cleaned_data["reference"]:
            raise forms.ValidationError("Give the image, such as python:3.12-slim.")
        return str(self.cleaned_data["reference"])

    def clean(self) -> dict[str, Any]:
        """The commands: at least one, and each of them right."""
        if not any(row.is_used for row in self.rows):
            self.add_error(None, "Tick a language or fill in a command: otherwise it can run nothing.")
        elif any(row.error for row in self.rows):
            self.add_error(None, "One of the commands is not right; it says what at its row.")
        return self.cleaned_data

    def save(self) -> Image:
        """Raises IntegrityError when the name was taken meanwhile."""
        values = self.cleaned_data
        image = self.image or Image(cluster=self.cluster, position=next_position(self.cluster.images))
        for name in ("label", "reference", "description", "pull_secret"):
            if name in values:
                setattr(image, name, values[name])
        image.reference = image.reference or f"local/{slugify(values['label']) or 'environment'}"
        image.entry_commands = commands_of(self.rows)
        with transaction.atomic():
            image.save()
            image.teams.set(values["teams"])
        return image


def next_position(offers: Any) -> int:
    """After the last one."""
    last = offers.aggregate(last=Max("position"))["last"]
    return 0 if last is None else last + 1
