"""What is asked about teams, members and people."""

from collections.abc import Iterator
from typing import Any

from django import forms
from django.contrib.auth.validators import UnicodeUsernameValidator
from django.db.models import Q

from teams.models import NO_AUDITORS, Role, Team, User

TYPED = {"class": "form-control", "autocapitalize": "none", "spellcheck": "false", "autocomplete": "off"}
CHOSEN = {"class": "form-check-input"}
NO_TEAM_YET = "Its name. Without a team the person can run nothing yet; a team can be given later."
ROLE_HINTS = {
    Role.ANALYST: "Sends jobs, sees the team's jobs, cancels and deletes the own ones.",
    Role.MANAGER: "Also cancels and deletes the team's jobs, and looks after its members.",
}
GLOBAL_HINTS = {
    "member": "Sees and does what the person's teams allow.",
    "auditor": "Sees all teams, jobs, people and clusters and changes nothing. Is in no team.",
    "admin": "Sees and changes everything: clusters, teams, people, every job.",
}


def text(label: str, *, longest: int = 150, hint: str = "", **attrs: str) -> forms.CharField:
    """One line. Whether it may be empty is the form's to judge, with a sentence of its own."""
    widget = forms.TextInput(attrs=TYPED | attrs)
    return forms.CharField(label=label, max_length=longest, required=False, widget=widget, help_text=hint)


def role_field() -> forms.ChoiceField:
    """The two roles of a team, told apart by what they may do."""
    return forms.ChoiceField(
        label="Role", choices=Role.choices, initial=Role.ANALYST, widget=forms.RadioSelect(attrs=CHOSEN)
    )


def errors_of(form: forms.Form) -> Iterator[dict[str, str]]:
    """Each field's first sentence with the id to jump to (clusters/_form_errors.html)."""
    for name, sentences in form.errors.items():
        yield {"id": "form-errors" if name == "__all__" else f"id_{name}", "sentence": str(sentences[0])}


class TeamForm(forms.Form):
    """A team's name, of a new one or of `team`."""

    name = text(
        "Name", longest=80, hint="Such as “Data science”. It can be changed later; the address stays."
    )

    def __init__(self, data: Any, team: Team | None = None) -> None:
        super().__init__(data, initial={"name": team.name} if team else None)
        self.team = team

    def clean_name(self) -> str:
        """Once only, however it is capitalised."""
        name = " ".join(self.cleaned_data["name"].split())
        if not name:
            raise forms.ValidationError("Give the team a name that people know it by.")
        other = Team.objects.filter(name__iexact=name).exclude(pk=self.team.pk if self.team else 0).first()
        if other:
            raise forms.ValidationError(f"There is a team {other.name} already. Choose another name.")
        return name


class MemberForm(forms.Form):
    """Somebody who has an account, and what they shall do in `team`."""

    person = text("User name or email", longest=254)
    role = role_field()
    role_hints = ROLE_HINTS

    def __init__(self, data: Any, team: Team) -> None:
        super().__init__(data)
        self.team = team

    def clean_person(self) -> User:
        """One person, active and not in the team."""
        name = self.cleaned_data["person"].strip()
        if not name:
            raise forms.ValidationError("Type the user name or the email of the person.")
        found = list(User.objects.filter(Q(username=name) | Q(email__iexact=name))[:2])
        exact = [person for person in found if person.username == name]
        if len(exact or found) > 1:
            raise forms.ValidationError("More than one person has this email. Type the user name instead.")
        if not found:
            raise forms.ValidationError("Nobody has this user name or email. Invite the person instead.")
        person = (exact or found)[0]
        if not person.is_active:
            raise forms.ValidationError(
                f"{person.display_name} is disabled. Ask an admin to enable the account."
            )
        if person.is_auditor:
            raise forms.ValidationError(NO_AUDITORS)
        if self.team.memberships.filter(user=person).exists():
            raise forms.ValidationError(f"{person.display_name} is in the team already.")
        return person


class RoleForm(forms.Form):
    """What a member does in the team."""

    role = role_field()
    role_hints = ROLE_HINTS


class PersonForm(forms.Form):
    """A person's name and email, and what the person may do in the whole installation."""

    first_name = text("First name")
    last_name = text("Last name")
    email = forms.EmailField(label="Email", required=False, widget=forms.EmailInput(attrs=TYPED))
    rights = forms.ChoiceField(
        label="In all teams",
        choices=[("member", "Nothing more"), ("auditor", "Auditor"), ("admin", "Admin")],
        widget=forms.RadioSelect(attrs=CHOSEN),
    )
    role_hints = GLOBAL_HINTS

    def __init__(self, data: Any, person: User) -> None:
        rights = "admin" if person.is_superuser else "auditor" if person.is_auditor else "member"
        known = {"first_name": person.first_name, "last_name": person.last_name, "email": person.email}
        super().__init__(data, initial=known | {"rights": rights})
        self.person = person

    def clean_email(self) -> str:
        """People sign in with it too: it belongs to one."""
        return free_email(self.cleaned_data["email"], self.person)


class InviteForm(forms.Form):
    """Somebody new. `teams` are those that the one who asks may invite into."""

    username = text("User name", hint="To sign in with. Letters, digits and @ . + - _")
    first_name = text("First name")
    last_name = text("Last name")
    email = forms.EmailField(label="Email", required=False, widget=forms.EmailInput(attrs=TYPED))
    team = text("Team", longest=80, list="teams")
    role = role_field()
    role_hints = ROLE_HINTS

    def __init__(self, data: Any, teams: Any, *, needs_team: bool, initial: dict[str, Any]) -> None:
        super().__init__(data, initial=initial)
        self.teams, self.needs_team = teams, needs_team
        if not needs_team:
            self.fields["team"].help_text = NO_TEAM_YET

    def clean_username(self) -> str:
        """Nobody else's, however it is capitalised."""
        name = self.cleaned_data["username"].strip()
        if not name:
            raise forms.ValidationError("Choose the user name that the person signs in with.")
        try:
            UnicodeUsernameValidator()(name)
        except forms.ValidationError:
            raise forms.ValidationError("A user name has letters, digits and @ . + - _ only.") from None
        if User.objects.filter(username__iexact=name).exists():
            raise forms.ValidationError(
                f"There is a {name} already. Choose another, or add that person to the team."
            )
        return name

    def clean_email(self) -> str:
        """As in PersonForm."""
        return free_email(self.cleaned_data["email"])

    def clean_team(self) -> Team | None:
        """By its name; none only where the one who asks may look after people without a team."""
        name = self.cleaned_data["team"].strip()
        team = self.teams.filter(name__iexact=name).first() if name else None
        if name and team is None:
            raise forms.ValidationError("There is no such team that you may invite into.")
        if team is None and self.needs_team:
            raise forms.ValidationError("Choose the team that the person comes to.")
        return team


def free_email(email: str, person: User | None = None) -> str:
    """Raises ValidationError when another person has it."""
    others = User.objects.filter(email__iexact=email).exclude(pk=person.pk if person else 0)
    if email and others.exists():
        raise forms.ValidationError("Another person has this email.")
    return email
