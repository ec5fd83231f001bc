"""The new-job form: what was typed, judged field by field. Its errors never cost anything that was typed."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import PurePosixPath
from typing import Any

from django import forms
from django.conf import settings

from clusters.models import Image, Profile
from jobs.models import Priority
from jobs.result_rules import ResultRules, most_together
from jobs.submission import typed
from jobs.submission.offers import Offer, is_open_to
from jobs.submission.priorities import too_many_high
from jobs.submission.typed_rules import parse_size, split_globs
from jobs.uploads.entry import command_for, entry_problem, known_suffix
from jobs.uploads.refusal import Problem, visible
from teams.models import Team

# What people type; files have their own way in.
NAMES = (
    *("team", "image", "profile", "entry", "arguments", "environment", "time_limit", "name", "tags"),
    *("priority", "preemptible"),
    *("results_include", "results_exclude", "results_file_size", "results_size"),
)
DEFAULT_TIME_LIMIT = "1 h"
SWITCHED_OFF = "The {thing} “{name}” was switched off by an admin. Choose another one."
GONE = "The {thing} that was chosen is no longer there. Choose another one."

ReadHead = Callable[[str], bytes]


class NewJobForm(forms.Form):
    """Bound to the values of a draft. `read_head(path)` gives the first bytes of an uploaded file."""

    team = forms.CharField(required=False)
    image = forms.CharField(required=False)
    profile = forms.CharField(required=False)
    entry = forms.CharField(required=False, strip=False)
    arguments = forms.CharField(required=False)
    environment = forms.CharField(required=False, strip=False)
    time_limit = forms.CharField(required=False)
    name = forms.CharField(required=False)
    tags = forms.CharField(required=False)
    priority = forms.CharField(required=False)
    preemptible = forms.CharField(required=False)
    results_include = forms.CharField(required=False)
    results_exclude = forms.CharField(required=False)
    results_file_size = forms.CharField(required=False)
    results_size = forms.CharField(required=False)

    def __init__(
        self, values: Mapping[str, Any], offer: Offer, paths: Sequence[str], read_head: ReadHead
    ) -> None:
        super().__init__(values)
        self.offer = offer
        self.paths = paths
        self.read_head = read_head
        self.entry_warning: Problem | None = None

    def clean_team(self) -> Team:
        """A team of the user."""
        if not self.offer.teams:
            raise forms.ValidationError("You are in no team yet. Ask an admin to add you to one.")
        team = self.offer.team(self.cleaned_data["team"])
        if team is None:
            raise forms.ValidationError(GONE.format(thing="team"))
        return team

    def clean_image(self) -> Image:
        """An environment that is switched on."""
        if not self.offer.images:
            raise forms.ValidationError("No environment is switched on. Ask an admin to add one.")
        key = self.cleaned_data["image"]
        image = self.offer.image(key)
        if image is None:
            known = Image.objects.filter(pk=key).first() if key.isdecimal() else None
            raise forms.ValidationError(_not_offered("environment", known.label if known else ""))
        return image

    def clean_profile(self) -> Profile:
        """A profile that is switched on."""
        if not self.offer.profiles:
            raise forms.ValidationError("No profile is switched on. Ask an admin to add one.")
        key = self.cleaned_data["profile"]
        profile = self.offer.profile(key)
        if profile is None:
            known = Profile.objects.filter(pk=key).first() if key.isdecimal() else None
            raise forms.ValidationError(_not_offered("profile", known.name if known else ""))
        return profile

    def clean_arguments(self) -> list[str]:
        """Split as by a shell."""
        return _typed(typed.split_arguments, self.cleaned_data["arguments"])

    def clean_environment(self) -> dict[str, str]:
        """One variable a line."""
        return _typed(typed.parse_variables, self.cleaned_data["environment"])

    def clean_time_limit(self) -> int:
        """Seconds."""
        text = self.cleaned_data["time_limit"] or default_time_limit()
        return _typed(lambda given: typed.parse_time_limit(given, settings.JOB_TIME_LIMIT_SECONDS), text)

    def clean_name(self) -> str:
        """Empty: named after the script."""
        return _typed(typed.clean_name, self.cleaned_data["name"])

    def clean_tags(self) -> list[str]:
        """A list."""
        return _typed(typed.split_tags, self.cleaned_data["tags"])

    def clean_priority(self) -> Priority:
        """Normal, unless another one is chosen."""
        key = self.cleaned_data["priority"] or str(Priority.NORMAL.value)
        if key not in {str(value) for value in Priority.values}:
            raise forms.ValidationError("There is no such priority. Choose low, normal or high.")
        return Priority(int(key))

    def clean_preemptible(self) -> bool:
        """Whether it may be stopped and started anew."""
        return self.cleaned_data["preemptible"] == "yes"

    def clean_results_include(self) -> list[str]:
        """Globs; none: everything."""
        return _typed(split_globs, self.cleaned_data["results_include"])

    def clean_results_exclude(self) -> list[str]:
        """Globs."""
        return _typed(split_globs, self.cleaned_data["results_exclude"])

    def clean_results_file_size(self) -> int | None:
        """Bytes; None: no bound of its own."""
        return self._size("results_file_size", "One file")

    def clean_results_size(self) -> int | None:
        """Bytes; None: as much as the profile and the portal allow."""
        return self._size("results_size", "All results together")

    def _size(self, name: str, thing: str) -> int | None:
        text, profile = self.cleaned_data[name], self.cleaned_data.get("profile")
        most = most_together(profile.disk_bytes if profile else None)
        return _typed(lambda given: parse_size(given, most, thing), text) if text else None

    @property
    def result_rules(self) -> ResultRules:
        """What is kept of the results, as far as the fields say it without an error."""
        values, profile = self.cleaned_data, self.cleaned_data.get("profile")
        return ResultRules(
            tuple(values.get("results_include", ())),
            tuple(values.get("results_exclude", ())),
            values.get("results_file_size"),
            values.get("results_size") or most_together(profile.disk_bytes if profile else None),
        )

    def clean(self) -> dict[str, Any]:
        """What only shows when several fields are seen together."""
        values = self.cleaned_data
        image, profile = values.get("image"), values.get("profile")
        if image and profile and image.cluster_id != profile.cluster_id:
            self.add_error(
                "profile",
                f"“{profile.name}” is a profile of {profile.cluster.name}, and the environment runs on"
                f" {image.cluster.name}. Choose one of its profiles.",
            )
        team = values.get("team")
        if image and team and not is_open_to(image, team):
            self.add_error("image", self._not_open(image, team))
        if team and values.get("priority") == Priority.HIGH and (problem := too_many_high(team)):
            self.add_error("priority", problem)
        if "entry" in values:
            self._check_entry(values["entry"], image)
        return values

    def _not_open(self, image: Image, team: Team) -> str:
        others = self.offer.teams_for(image)
        instead = f", or the team {others[0].name} under More" if others else ""
        return f"The environment “{image.label}” is not open to {team.name}. Choose another environment{instead}."

    def _check_entry(self, entry: str, image: Image | None) -> None:
        if not self.paths:
            self.add_error("entry", "There is no script yet. Upload one, or paste its code.")
            return
        head = self.read_head(entry) if entry in self.paths else b""
        problem = entry_problem(entry, self.paths, head, image.entry_commands if image else None)
        if problem is None:
            return
        if problem.is_warning:
            self.entry_warning = problem
            return
        self.add_error("entry", f"{problem.sentence} {self._better_advice(entry, image) or problem.advice}")

    def _better_advice(self, entry: str, image: Image | None) -> str:
        """Name the environment that would start this file."""
        suffix = PurePosixPath(entry).suffix
        if image is None or entry not in self.paths or known_suffix(suffix, image.entry_commands):
            return ""
        fitting = self.offer.image_for(suffix, self.cleaned_data.get("team"))
        if fitting is None or not known_suffix(suffix, fitting.entry_commands):
            return ""
        return f"Choose the environment “{visible(fitting.label)}”, which does."

    @property
    def command(self) -> list[str] | None:
        """The exact argument list; None while it is not known."""
        values = self.cleaned_data
        if "arguments" not in values:
            return None
        image, entry = values.get("image"), values.get("entry") or self.data.get("entry")
        if not image or not entry or not known_suffix(PurePosixPath(entry).suffix, image.entry_commands):
            return None
        return command_for(entry, image.entry_commands, values["arguments"])


def default_time_limit() -> str:
    """What stands in the field at first: an hour, or the longest where that is less."""
    longest = settings.JOB_TIME_LIMIT_SECONDS
    return DEFAULT_TIME_LIMIT if longest >= 3600 else f"{max(longest // 60, 1)} min"


def default_exclude() -> str:
    """What stands in the field at first."""
    return ", ".join(settings.RESULT_EXCLUDE)


def _typed(parse: Callable[[str], Any], text: str) -> Any:
    try:
        return parse(text)
    except typed.Mistyped as error:
        raise forms.ValidationError(str(error)) from None


def _not_offered(thing: str, name: str) -> str:
    return SWITCHED_OFF.format(thing=thing, name=name) if name else GONE.format(thing=thing)
