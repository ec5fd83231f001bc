"""The editor's fields: one for each limit. What was typed wrongly stays typed, with its error beside it."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from django.db.models import Q

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
    "Somebody else changed these limits since you opened the page, so nothing was saved. What you typed is still in the"
    " fields; where it differs from what holds now, that stands below. Look at it, and save again."
)
LONGEST = 60
# So many members with a limit of an own have their fields on the page; the others are chosen by name.
MOST_MEMBERS = 20


@dataclass
class Field:
    """One limit: what is in the field, and what is wrong with it."""

    account: Account
    name: str
    text: str
    used: str
    error: str = ""
    # What holds now, where somebody else changed it after the page was opened.
    now: str = ""

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
    more_members: int = 0
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
    people, more = _with_own_limits(team, limits, member, sent)
    form = QuotaForm(team, user, _sections(team, user, limits, people), version_of(team, limits), more)
    form.settings = {name: getattr(team, name) for name in SETTINGS}
    if sent is None:
        return form
    form.is_stale = sent.get("version") != form.version
    for section in form.sections:
        for each in section.fields if section.is_editable else ():
            _read(form, each, str(sent.get(each.name, each.text)).strip(), limits)
    for section in form.sections:
        for each in section.fields if section.is_editable else ():
            _check_within_team(form, each, limits)
    if may_administer(user):
        _read_settings(form, sent)
    return form


def version_of(team: Team, limits: Mapping[Account, int]) -> str:
    """Another one whenever a limit or setting is another one."""
    settings = (team.shares_quota, team.budget_grace_minutes, team.most_high_jobs)
    text = repr((sorted((str(key), amount) for key, amount in limits.items()), settings))
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def _read(form: QuotaForm, each: Field, text: str, limits: Mapping[Account, int]) -> None:
    each.text, held = text, limits.get(each.account)
    try:
        if len(text) > LONGEST:
            raise AmountInvalid(f"This is too long for an amount: {LONGEST} characters at most.")
        amount = from_typed(each.account.resource, text)
    except AmountInvalid as error:
        _refuse(form, each, str(error))
        return
    if amount == held:
        return
    form.limits[each.account] = amount
    if form.is_stale:
        each.now = "no limit" if held is None else in_words(each.account.resource, held)


def _check_within_team(form: QuotaForm, each: Field, limits: Mapping[Account, int]) -> None:
    """A member's limit above the team's would promise what nobody gets. One that was there before may stay."""
    account, amount = each.account, form.limits.get(each.account)
    of_team = Account(Scope.TEAM, account.resource)
    most = form.limits.get(of_team, limits.get(of_team))
    is_members = account.scope in (Scope.MEMBER, Scope.USER)
    if is_members and amount is not None and most is not None and amount > most:
        words = in_words(account.resource, most)
        _refuse(form, each, f"The team's own limit is {words}; a member's cannot be above it.")


def _refuse(form: QuotaForm, each: Field, sentence: str) -> None:
    each.error = sentence
    form.limits.pop(each.account, None)
    form.errors.append({"id": f"id_{each.name}", "sentence": f"{each.label}: {sentence}"})


def _read_settings(form: QuotaForm, sent: Mapping[str, Any]) -> None:
    form.settings["shares_quota"] = sent.get("shares_quota") == "yes"
    for name, label, is_optional in (
        ("budget_grace_minutes", "Grace", True),
        ("most_high_jobs", "High-priority jobs", False),
    ):
        text = str(sent.get(name, "")).strip()
        if is_optional and not text:
            form.settings[name] = None
        elif text.isascii() and text.isdigit() and len(text) <= 5 and int(text) <= 30_000:
            form.settings[name] = int(text)
        else:
            form.settings[name] = text
            form.errors.append(
                {"id": f"id_{name}", "sentence": f"{label}: write a whole number up to 30,000."}
            )


def _sections(team: Team, user: User, limits: Mapping[Account, int], people: list[User]) -> list[Section]:
    """The team, its clusters, each member, and single members, each with all resources."""
    rows = QuotaLine.objects.filter(~Q(scope=Scope.USER) | Q(user__in=people), team=team)
    used = {Account(row.scope, row.resource, row.cluster_id, row.user_id): row.used for row in rows}
    gpus = _gpus(used)
    names = sorted({*BASIC, *gpus, *BUDGETS}, key=sort_key)
    is_admin = may_administer(user)
    sections = [Section("team", "The team", "Together, on all clusters.", is_editable=is_admin)]
    accounts = [[Account(Scope.TEAM, name) for name in names]]
    for cluster in Cluster.objects.filter(is_enabled=True, removed_at=None):
        sections.append(Section(f"cluster-{cluster.pk}", f"On {cluster.name}", "", is_editable=is_admin))
        accounts.append([Account(Scope.CLUSTER, name, cluster_id=cluster.pk) for name in names])
    sections.append(Section("member", "Each member", "Holds for everybody without a limit of their own."))
    accounts.append([Account(Scope.MEMBER, name) for name in names])
    for person in people:
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


def _with_own_limits(
    team: Team, limits: Mapping[Account, int], member: User | None, sent: Mapping[str, Any] | None
) -> tuple[list[User], int]:
    """Members who get fields: those with a limit of an own, those whose fields were sent, and `member`; and how many
    have none for want of place."""
    typed = {name.split("-")[1] for name in sent or () if name.startswith("user-")}
    wanted = {int(key) for key in typed if key.isascii() and key.isdigit() and len(key) < 19}
    wanted |= {member.pk} if member else set()
    own = {key.user_id for key in limits if key.scope == Scope.USER and key.user_id}
    people = User.objects.filter(Q(memberships__team=team, pk__in=wanted) | Q(pk__in=own)).distinct()
    found = sorted(people.order_by("username"), key=lambda person: person.pk not in wanted)
    shown = found[: max(MOST_MEMBERS, len(wanted))]
    return sorted(shown, key=lambda person: person.username), len(found) - len(shown)
