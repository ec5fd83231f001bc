"""Looking teams, members and people up with the rights of the one who asks: what may not be seen is not there."""

from django.core.exceptions import PermissionDenied
from django.http import Http404

from teams.models import Membership, Team, User
from teams.policy import ADMINS_ONLY, may_manage, may_read_all, may_send, teams_of

NOT_YOURS = "Only a manager of the team or an admin may do this."


def find_team(user: User, slug: str) -> Team:
    """A team whose pages `user` may see. Raises Http404."""
    team = teams_of(user).filter(slug=slug).first()
    if team is None:
        raise Http404("There is no such team.")
    return team


def find_managed(user: User, slug: str) -> Team:
    """As `find_team`, for changing who is in it. Raises PermissionDenied for a member who may not."""
    team = find_team(user, slug)
    if not may_manage(user, team):
        raise PermissionDenied(NOT_YOURS if may_send(user) else ADMINS_ONLY)
    return team


def find_membership(team: Team, user_id: int) -> Membership:
    """With its team and user. Raises Http404."""
    members = Membership.objects.select_related("user", "team")
    membership = members.filter(team=team, user_id=user_id).first()
    if membership is None:
        raise Http404("This person is not in the team.")
    return membership


def find_person(user_id: int) -> User:
    """Behind `admins_only` or `readers_of_all_only`. Raises Http404."""
    person = User.objects.filter(pk=user_id).first()
    if person is None:
        raise Http404("There is no such person.")
    return person


def find_invited(user: User, user_id: int) -> User:
    """A person for whom `user` might make a link: whom `user` may see, or has invited. Raises Http404."""
    people = User.objects.all() if may_read_all(user) else User.objects.filter(invitations__invited_by=user)
    person = people.filter(pk=user_id).distinct().first()
    if person is None:
        raise Http404("There is no such person.")
    return person
