"""What the history reads of who asks, in one statement, is what the rules say one by one."""

import pytest

from jobs.history.asker import asker_of
from jobs.history.filters import Filters
from jobs.history.saved import seen_by
from jobs.history.searching import with_owner
from jobs.models import DefaultView, SavedFilter
from teams.models import Membership, Pause, Role, Team
from teams.pauses import pauses_of
from teams.policy import rights_of

WHO = ("alice", "bob", "charlie", "manager", "dana", "otto")


@pytest.fixture(params=[*WHO, "nobody's", "switched off"])
def person(request, alice, django_user_model):
    if request.param == "nobody's":
        return django_user_model.objects.create(username="new")
    if request.param == "switched off":
        django_user_model.objects.filter(pk=alice.pk).update(is_active=False)
        alice.refresh_from_db()
        return alice
    return request.getfixturevalue(request.param)


def test_it_is_what_policy_saved_filters_and_pauses_say(person, alice, bob, charlie, team, cluster):
    for name in ("Zebras", "apes", "Apes 2"):
        Membership.objects.create(user=bob, team=Team.objects.create(name=name, slug=name), role=Role.MANAGER)
        Membership.objects.create(user=alice, team=Team.objects.get(name=name))
    for owner in (alice, bob, charlie):
        for name, home in (("b", None), ("a", owner.teams.first()), ("C", None)):
            saved = SavedFilter.objects.create(owner=owner, name=name, team=home, query=f"text={name}")
        DefaultView.objects.create(user=owner, saved=saved)
    Pause.objects.create(message="All of it.")
    Pause.objects.create(message="One team.", team=team)
    Pause.objects.create(message="One cluster.", cluster=cluster)
    asker = asker_of(person, Filters())
    assert asker.rights == rights_of(person)
    facts = ("pk", "name", "query", "owner_id", "team_id", "is_default")
    kept = [[getattr(one, fact) for fact in facts] for one in asker.saved]
    assert kept == [[getattr(one, fact) for fact in facts] for one in seen_by(rights_of(person))]
    told = [(pause.pk, pause.message, pause.since, pause.team, pause.cluster) for pause in asker.pauses]
    assert told == [(one.pk, one.message, one.since, one.team, one.cluster) for one in pauses_of()]


@pytest.mark.parametrize(
    "text", ["owner:alice", "owner:ames x", "owner:b", "-owner:alice", "owner:a owner:b", "x"]
)
def test_the_person_whom_a_search_names_is_the_same(alice, bob, text):
    asked = Filters(text=text)
    assert asker_of(alice, asked).asked == with_owner(asked)
    assert asker_of(alice, Filters(text=text, owner=7)).asked.owner == 7
