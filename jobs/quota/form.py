"""The editor's fields: one for each limit. What was typed wrongly stays typed, with its error beside it."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from clusters.models import Cluster, Profile
from teams.models import QuotaLine, Scope, Team, User
from teams.policy import may_administer
from teams.quota.book import Account
from teams.quota.limits import limits_of
from teams.quota.resources import (
    BASIC,
    BUDGETS,
    CPU_HOURS,
    GPU_HOURS,
    AmountInvalid,
    as_typed,
    from_typed,
    gpu,
    in_words,
    noun,
    sort_key,
)

UNITS = {
    "cpu_millis": "cores",
    "memory_bytes": "such as 64 GiB",
    CPU_HOURS: "per month",
    GPU_HOURS: "per month",
}
SETTINGS = ("shares_quota", "budget_grace_minutes", "most_high_jobs")
CHANGED_MEANWHILE = (
    "Somebody else changed these limits since you opened the page. What you typed is still in the fields: look at it,"
    " and save again."
)


@dataclass
class Field:
    """One limit: what is in the field, and what is wrong with it."""

    account: Account
    name: str
    text: str
    used: str
    error: str = ""

    @property
    def label(self) -> str:
        """The resource, as people call it."""
        return noun(self.account.resource)[:1].upper() + noun(self.account.resource)[1:]

    @property
    def unit(self) -> str:
        """What belongs behind the number."""
        return UNITS.get(self.account.resource, "")


@dataclass
class Section:
    """Limits of one scope. `is_open`: some of them are set, or were typed wrongly."""

    key: str
    title: str
    hint: str
    fields: list[Field] = field(default_factory=list)
    is_editable: bool = True

    @property
    def is_open(self) -> bool:
        return any(each.text or each.error for each in self.fields)


@dataclass
class QuotaForm:
    """Bound to what was sent, or to the limits as they are. `user` decides what may be changed."""

    team: Team
    user: User
    sections: list[Section]
    version: str
    limits: dict[Account, int | None] = field(default_factory=dict)
    settings: dict[str, Any] = field(default_factory=dict)
    errors: list[dict[str, str]] = field(default_factory=list)
    is_stale: bool = False

    @property
    def is_valid(self) -> bool:
        """Whether it may be saved as it is."""
        return not self.errors and not self.is_stale


def read_form(
    team: Team, user: User, sent: Mapping[str, Any] | None, member: User | None = None
) -> QuotaForm:
    """The editor's form. `member`: somebody who gets fields of an own limit."""
    limits = limits_of(team.pk)
    form = QuotaForm(team, user, _sections(team, user, limits, member), version_of(team, limits))
    form.settings = {name: getattr(team, name) for name in SETTINGS}
    if sent is None:
        return form
    form.is_stale = sent.get("version") != form.version
    for section in form.sections:
        for each in section.fields if section.is_editable else ():
            _read(form, each, str(sent.get(each.name, each.text)), limits)
    if may_administer(user):
        _read_settings(form, sent)
    return form


def version_of(team: Team, limits: Mapping[Account, int]) -> str:
    """Another one whenever a limit or setting is another one."""
    settings = (team.shares_quota, team.budget_grace_minutes, team.most_high_jobs)
    text = repr((sorted((str(key), amount) for key, amount in limits.items()), settings))
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def _read(form: QuotaForm, each: Field, text: str, limits: Mapping[Account, int]) -> None:
    each.text = text.strip()[:60]
    try:
        amount = from_typed(each.account.resource, each.text)
        _check_within_team(form, each.account, amount, limits)
    except AmountInvalid as error:
        each.error = str(error)
        form.errors.append({"id": f"id_{each.name}", "sentence": f"{each.label}: {error}"})
        return
    if amount != limits.get(each.account):
        form.limits[each.account] = amount


def _check_within_team(
    form: QuotaForm, account: Account, amount: int | None, limits: Mapping[Account, int]
) -> None:
    """A member's limit above the team's would promise what nobody gets."""
    if account.scope not in (Scope.MEMBER, Scope.USER) or amount is None:
        return
    of_team = Account(Scope.TEAM, account.resource)
    most = form.limits.get(of_team, limits.get(of_team))
    if most is not None and amount > most:
        raise AmountInvalid(
            f"The team's own limit is {in_words(account.resource, most)}; a member's cannot be above it."
        )


def _read_settings(form: QuotaForm, sent: Mapping[str, Any]) -> None:
    form.settings["shares_quota"] = sent.get("shares_quota") == "yes"
    for name, label, is_optional in (
        ("budget_grace_minutes", "Grace", True),
        ("most_high_jobs", "High-priority jobs", False),
    ):
        text = str(sent.get(name, "")).strip()
        if is_optional and not text:
            form.settings[name] = None
        elif text.isascii() and text.isdigit() and int(text) <= 30_000:
            form.settings[name] = int(text)
        else:
            form.settings[name] = text[:20]
            form.errors.append(
                {"id": f"id_{name}", "sentence": f"{label}: write a whole number up to 30,000."}
            )


def _sections(team: Team, user: User, limits: Mapping[Account, int], member: User | None) -> list[Section]:
    rows = QuotaLine.objects.filter(team=team)
    used = {Account(row.scope, row.resource, row.cluster_id, row.user_id): row.used for row in rows}
    gpus = _gpus(used)
    names = sorted({*BASIC, *gpus, *BUDGETS}, key=sort_key)
    is_admin = may_administer(user)
    sections = [Section("team", "The team", "Together, on all clusters.", is_editable=is_admin)]
    accounts = [[Account(Scope.TEAM, name) for name in names]]
    for cluster in Cluster.objects.filter(is_enabled=True, removed_at=None):
        sections.append(Section(f"cluster-{cluster.pk}", f"On {cluster.name}", "", is_editable=is_admin))
        accounts.append([Account(Scope.CLUSTER, name, cluster_id=cluster.pk) for name in names])
    sections.append(Section("member", "Each member", "Holds for everybody who has no limit of an own."))
    accounts.append([Account(Scope.MEMBER, name) for name in names])
    for person in _with_own_limits(team, limits, member):
        sections.append(Section(f"user-{person.pk}", person.display_name, "Instead of each member's limit."))
        accounts.append([Account(Scope.USER, name, user_id=person.pk) for name in names])
    for section, keys in zip(sections, accounts, strict=True):
        for key in keys:
            amount = used.get(key, 0)
            words = in_words(key.resource, amount) if amount and key.resource not in BUDGETS else ""
            name = f"{section.key}-{key.resource}"
            section.fields.append(Field(key, name, as_typed(key.resource, limits.get(key)), words))
    return sections


def _gpus(known: Mapping[Account, int]) -> set[str]:
    """Those that any profile offers, and those that were used or limited before."""
    offered = Profile.objects.exclude(gpu_resource="").values_list("gpu_resource", flat=True).distinct()
    return {gpu(name) for name in offered} | {
        key.resource for key in known if key.resource.startswith("gpu:")
    }


def _with_own_limits(team: Team, limits: Mapping[Account, int], member: User | None) -> list[User]:
    ids = {key.user_id for key in limits if key.scope == Scope.USER}
    people = list(User.objects.filter(pk__in=[pk for pk in ids if pk]).order_by("username"))
    return people if member is None or member in people else [*people, member]
