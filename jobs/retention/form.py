"""The editor's fields: days and size for each kind. What was typed wrongly stays typed, with its error beside it."""

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from jobs.models import Kind
from jobs.retention.rules import InForce, Rule, portal_rules, rules_of
from teams.models import Team, User
from teams.policy import may_administer
from teams.quota.resources import MEMORY, AmountInvalid, as_typed, from_typed

MOST_DAYS = 36_500
LONGEST = 60
HINTS = {
    Kind.LOGS: "What scripts wrote to stdout and stderr.",
    Kind.RESULTS: "Files that jobs left behind.",
    Kind.INPUTS: "Scripts and data that jobs were given. Without them a job cannot be run again.",
}


@dataclass
class Field:
    """One number as it was typed."""

    name: str
    label: str
    unit: str
    text: str
    placeholder: str
    error: str = ""


@dataclass
class Part:
    """Days and size of one kind: what is allowed, or what the team itself wants. `rule`: None where nothing is said."""

    days: Field
    size: Field
    rule: Rule | None = None

    @property
    def fields(self) -> tuple[Field, Field]:
        """Both, for the page."""
        return self.days, self.size


@dataclass
class Section:
    """One kind. `allowed` is for admins; `is_given`: it takes the place of the portal's. `own` is a team's."""

    kind: str
    title: str
    hint: str
    allowed: Part | None
    own: Part | None
    is_given: bool
    portal: Rule
    most: Rule

    @property
    def force(self) -> InForce:
        """What would hold."""
        own = self.own.rule if self.own else None
        return InForce(self.most, own or Rule(), is_portal=not self.is_given)


@dataclass(frozen=True)
class Mistake:
    """What is wrong with the field of an id."""

    id: str
    sentence: str


@dataclass
class RetentionForm:
    """All of it. `version`: of what held when the page was made, so that nobody overwrites another's change unseen."""

    team: Team | None
    is_admin: bool
    sections: list[Section]
    version: str
    is_stale: bool = False

    @property
    def errors(self) -> list[Mistake]:
        """One for each field that is wrong."""
        return [
            Mistake(f"id_{each.name}", f"{section.title}, {each.label.lower()}: {each.error}")
            for section in self.sections
            for each in _fields(section)
            if each.error
        ]

    @property
    def is_valid(self) -> bool:
        """Nothing was typed wrongly, and nobody was faster."""
        return not self.errors and not self.is_stale

    @property
    def rules(self) -> dict[str, Rule]:
        """What would hold, by kind."""
        return {section.kind: section.force.rule for section in self.sections}


def read_form(team: Team | None, user: User, sent: Mapping[str, str] | None) -> RetentionForm:
    """The editor of a team's rules, or (without a team) of the portal's: as they are, or as they were sent."""
    is_admin = may_administer(user)
    now = (
        rules_of(team)
        if team
        else {kind: InForce(rule, Rule(), True) for kind, rule in portal_rules().items()}
    )
    version = version_of(now)
    portal = portal_rules()
    sections = [_section(team, kind, now[kind], portal[kind], sent, is_admin) for kind in map(str, Kind)]
    is_stale = sent is not None and sent.get("version", version) != version
    return RetentionForm(team, is_admin, sections, version, is_stale)


def version_of(rules: Mapping[str, InForce]) -> str:
    """Changes with every rule."""
    return hashlib.sha256(repr(sorted(rules.items())).encode()).hexdigest()[:16]


def _section(
    team: Team | None,
    kind: str,
    now: InForce,
    portal: Rule,
    sent: Mapping[str, str] | None,
    is_admin: bool,
) -> Section:
    allowed = own = None
    most, is_given = now.allowed, team is not None and not now.is_portal
    if is_admin:
        is_given = is_given if sent is None else sent.get(f"allow-{kind}") == "yes"
        allowed = _part(f"allow-{kind}", now.allowed if team is None or not now.is_portal else Rule(), sent)
        most = portal if team is not None and not is_given else allowed.rule or Rule()
        if team is not None and not is_given:
            allowed.rule = None
    if team is not None:
        own = _part(f"own-{kind}", now.own, sent, most)
    return Section(kind, Kind(kind).label, HINTS[Kind(kind)], allowed, own, is_given, portal, most)


def _part(name: str, now: Rule, sent: Mapping[str, str] | None, most: Rule | None = None) -> Part:
    """`most`: what it cannot exceed; it stands in the empty fields."""
    texts = (str(now.days or ""), as_typed(MEMORY, now.most_bytes))
    if sent is not None:
        texts = (_typed(sent, f"{name}-days"), _typed(sent, f"{name}-size"))
    empty = (
        "for ever" if most is None or most.days is None else f"{most.days:,} (allowed)",
        "no limit"
        if most is None or most.most_bytes is None
        else f"{as_typed(MEMORY, most.most_bytes)} (allowed)",
    )
    days = Field(f"{name}-days", "Keep for", "days after the end", texts[0], empty[0])
    size = Field(f"{name}-size", "Largest size", "such as 50 GiB", texts[1], empty[1])
    rule = Rule(_days(days, most), _size(size, most))
    return Part(days, size, rule if most is None or rule.is_any else None)


def _typed(sent: Mapping[str, str], name: str) -> str:
    return sent.get(name, "").replace("\0", "").strip()[:LONGEST]


def _days(each: Field, most: Rule | None) -> int | None:
    text = each.text.removesuffix("days").removesuffix("day").replace(",", "").strip()
    if not text:
        return None
    if not (text.isascii() and text.isdecimal() and 1 <= int(text) <= MOST_DAYS):
        each.error = f"Write a whole number of days from 1 to {MOST_DAYS:,}, or nothing."
        return None
    if most and most.days is not None and int(text) > most.days:
        each.error = f"At most {most.days:,} days: a team may keep things for less time than an admin allows, not more."
    return int(text)


def _size(each: Field, most: Rule | None) -> int | None:
    try:
        number = from_typed(MEMORY, each.text)
    except AmountInvalid as error:
        each.error = str(error)
        return None
    if number is not None and most and most.most_bytes is not None and number > most.most_bytes:
        allowed = as_typed(MEMORY, most.most_bytes)
        each.error = f"At most {allowed}: a team may keep less than an admin allows, not more."
    return number


def _fields(section: Section) -> Iterator[Field]:
    # An admin's fields count where they take the place of the portal's, or are the portal's.
    if section.allowed and (section.is_given or section.own is None):
        yield from section.allowed.fields
    if section.own:
        yield from section.own.fields
