"""A team with a queue (that of tests/jobs/admission), and what is sent to workers, collected."""

from types import SimpleNamespace

import pytest

from tests.jobs.admission.conftest import admit, end, limit  # noqa: F401


@pytest.fixture
def sent(monkeypatch):
    """Each task that would have gone to a worker: its name and arguments."""
    told = []
    send_task = lambda name, args=None, **_: told.append((name, args))  # noqa: E731
    monkeypatch.setattr("jobs.hints.current_app", SimpleNamespace(send_task=send_task))
    return told


@pytest.fixture
def quota(client_of, team):
    """`quota(user, action, **changes)`: open the editor, change fields (by their names) and send the form."""

    def send(user, action="save", *, to=None, version=None, follow=False, **changes):
        address = f"/teams/{(to or team).slug}/quota/"
        client = client_of(user)
        form = client.get(address).context["form"]
        data = {each.name: each.text for section in form.sections for each in section.fields}
        settings = {
            name: form.settings[name] if form.settings[name] is not None else "" for name in form.settings
        }
        data |= {name: value for name, value in settings.items() if name != "shares_quota"}
        data |= {"shares_quota": "yes"} if form.settings["shares_quota"] else {}
        data |= {"version": version or form.version, "action": action} | changes
        return client.post(
            address, {name: value for name, value in data.items() if value is not None}, follow=follow
        )

    return send


def field_of(page, name):
    """A field of the editor by its name."""
    sections = page.context["form"].sections
    return next(each for section in sections for each in section.fields if each.name == name)
