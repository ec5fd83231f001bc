"""Entries as everyday sentences: "added Bob to the team Data science"."""

import json
from dataclasses import dataclass
from typing import Any

from teams.audit.filters import Filters
from teams.audit.links import Key, key_of
from teams.models import AuditEvent

# The first word of an action, as the filter "What" says it.
AREAS = {
    "account": "Signing in and passwords",
    "access": "Denied access",
    "person": "People and invitations",
    "team": "Teams and members",
    "quota": "Quotas",
    "job": "Jobs",
    "cluster": "Clusters",
    "environment": "Environments",
    "profile": "Profiles",
    "portal": "The whole portal",
    "retention": "What is kept",
}
# What follows the name of who did it. {} is the target.
SENTENCES = {
    "access.denied": "was denied {}",
    "account.password_changed": "set a new password for {}",
    "account.sign_in_failed": "failed to sign in as {}",
    "account.signed_in": "signed in",
    "account.signed_out": "signed out",
    "cluster.changed": "changed the settings of the cluster {}",
    "cluster.connected": "connected the cluster {}",
    "cluster.credentials_replaced": "replaced the credentials of the cluster {}",
    "cluster.keys_rotated": "encrypted the credentials of {} with a new key",
    "cluster.namespace_given": "gave a team its namespace on the cluster {}",
    "cluster.paused": "paused the cluster {}",
    "cluster.removed": "removed the cluster {}",
    "cluster.resumed": "let the cluster {} go on",
    "cluster.switched_off": "switched the cluster {} off",
    "cluster.switched_on": "switched the cluster {} on",
    "cluster.tested": "sent the doctor to the cluster {}",
    "job.cancelled": "cancelled the job {}",
    "job.deleted": "deleted the job {}",
    "job.pinned": "pinned the job {}",
    "job.submitted": "submitted the job {}",
    "job.unpinned": "took the pin of the job {} away",
    "job.tagged": "changed the tags of the job {}",
    "person.added": "added the account of {}",
    "person.changed": "changed the account of {}",
    "person.disabled": "disabled {}",
    "person.enabled": "enabled {} again",
    "person.invited": "invited {}",
    "person.link_made": "made a link with which {} sets a password",
    "person.link_revoked": "revoked the link of {}",
    "person.link_used": "set a password by the link for {}",
    "person.removed": "removed the account of {}",
    "person.signed_out": "signed {} out everywhere",
    "portal.paused": "paused everything",
    "portal.resumed": "let everything go on",
    "quota.changed": "changed the quota of {}",
    "retention.changed": "changed what is kept of {}",
    "retention.deleted": "deleted what is no longer kept of {}",
    "team.added": "added the team {}",
    "team.changed": "changed the team {}",
    "team.disabled": "disabled the team {}",
    "team.enabled": "enabled the team {} again",
    "team.member_added": "added {} to the team",
    "team.member_changed": "changed what {} may do in the team",
    "team.member_removed": "removed {} from the team",
    "team.member_role_changed": "changed what {} may do in the team",
    "team.paused": "paused the team {}",
    "team.removed": "removed the team {}",
    "team.renamed": "renamed the team {}",
    "team.resumed": "let the team {} go on",
}
OF_OFFERS = {
    "added": "added the {kind} {{}}",
    "changed": "changed the {kind} {{}}",
    "moved": "moved the {kind} {{}} to another place in the list",
    "removed": "removed the {kind} {{}}",
    "switched_off": "switched the {kind} {{}} off",
    "switched_on": "switched the {kind} {{}} on",
}
for _kind in ("environment", "profile"):
    SENTENCES |= {f"{_kind}.{verb}": text.format(kind=_kind) for verb, text in OF_OFFERS.items()}


@dataclass(frozen=True)
class Difference:
    """One field, as it was and as it is; "" for neither there nor said."""

    name: str
    old: str
    new: str


@dataclass(frozen=True)
class Row:
    """An entry as the page shows it. `url`: the page of the target, "" where there is none (any more)."""

    event: AuditEvent
    url: str
    asked: Filters

    @property
    def before(self) -> str:
        """The words before the target."""
        return sentence_of(self.event.action).partition("{}")[0].strip()

    @property
    def after(self) -> str:
        """The words after it."""
        return sentence_of(self.event.action).partition("{}")[2].strip()

    @property
    def has_target(self) -> bool:
        """Whether the sentence names it."""
        return "{}" in sentence_of(self.event.action) and bool(self.event.target_name)

    @property
    def who_url(self) -> str:
        """Everything by the same."""
        event = self.event
        return (Filters(who=event.actor_id) if event.actor_id else Filters(by=event.actor_name)).url()

    @property
    def about_url(self) -> str:
        """Everything about the same target; "" where there is none, or while that is what is shown."""
        about = ":".join(key_of(self.event)) if self.event.target_kind else ""
        return Filters(target=about).url() if about and about != self.asked.target else ""

    @property
    def differences(self) -> list[Difference]:
        """Field by field, in the order of the alphabet; what was empty and is says nothing."""
        old, new = self.event.old, self.event.new
        found = [
            Difference(name.replace("_", " "), shown(old.get(name)), shown(new.get(name)))
            for name in sorted({*old, *new})
        ]
        return [each for each in found if each.old or each.new]


def rows(events: list[AuditEvent], urls: dict[Key, str], asked: Filters) -> list[Row]:
    """The entries of a page."""
    return [Row(event, urls.get(key_of(event), ""), asked) for event in events]


def sentence_of(action: str) -> str:
    """With {} for the target. An action that has no sentence yet is said by its own words."""
    if action in SENTENCES:
        return SENTENCES[action]
    area, _, verb = action.partition(".")
    return f"{verb or area}: {area} {{}}".replace("_", " ")


def whole_sentence(event: AuditEvent) -> str:
    """With the target, for files."""
    return f"{event.actor_name} {sentence_of(event.action).replace('{}', event.target_name)}"


def shown(value: Any) -> str:
    """A value as people read it."""
    if value is None or value == "":
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list) and all(isinstance(item, str | int) for item in value):
        return ", ".join(str(item) for item in value) or "none"
    return json.dumps(value, ensure_ascii=False) if isinstance(value, dict | list) else str(value)


def area_label(area: str) -> str:
    """For the filter."""
    return AREAS.get(area, area.replace("_", " ").capitalize())
