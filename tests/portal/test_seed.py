"""`manage.py seed`: a new portal is of use, a running one keeps what its admins changed."""

import json
import sys
from io import StringIO
from pathlib import Path

import pytest
from django.core.management import call_command

from clusters.models import Cluster, Image, Profile
from teams.models import Membership, Team, User

pytestmark = pytest.mark.django_db


def seed() -> dict:
    out = StringIO()
    call_command("seed", stdout=out)
    return json.loads(out.getvalue().splitlines()[-1])


@pytest.fixture
def programs(tmp_path: Path, monkeypatch) -> Path:
    """A PATH with nothing on it but what the test puts there (and the portal's own Python)."""
    folder = tmp_path / "bin"
    folder.mkdir()
    monkeypatch.setenv("PATH", str(folder))
    monkeypatch.setattr("clusters.interpreters.USUAL_FOLDERS", ())
    monkeypatch.setattr("clusters.interpreters.is_runnable", lambda program: Path(program).is_file())
    return folder


def put(folder: Path, name: str, answer: str) -> None:
    program = folder / name
    program.write_text(f"#!/bin/sh\necho '{answer}'\n")
    program.chmod(0o755)


def test_the_first_admin_can_sign_in_with_the_printed_password_and_must_change_it():
    said = seed()
    admin = User.objects.get(username=said["admin"])
    assert admin.check_password(said["password"])
    assert admin.must_change_password
    assert admin.is_superuser
    assert admin.is_staff


def test_the_password_is_fresh_until_it_was_changed():
    first, second = seed()["password"], seed()["password"]
    assert first != second
    assert User.objects.get().check_password(second)


def test_a_changed_password_is_left_alone():
    seed()
    admin = User.objects.get()
    admin.must_change_password = False
    admin.set_password("chosen by the admin")
    admin.save()
    assert seed() == {"admin": "admin", "password": None}
    assert User.objects.get().check_password("chosen by the admin")


def test_a_deactivated_first_admin_gets_no_password():
    seed()
    User.objects.update(is_active=False)
    assert seed()["password"] is None


def test_where_another_admin_works_no_admin_is_made(dana):
    assert seed()["password"] is None
    assert User.objects.get() == dana


def test_the_password_is_readable_and_long_enough():
    words = seed()["password"].split("-")
    assert [len(word) for word in words] == [4, 4, 4, 4]
    assert all(word.isalpha() for word in words)


def test_a_team_is_there_with_the_admin_as_its_manager():
    seed()
    membership = Membership.objects.get()
    assert (membership.team.slug, membership.user.username, membership.role) == (
        "data-science",
        "admin",
        "manager",
    )


def test_a_team_that_was_renamed_does_not_come_back():
    seed()
    Team.objects.update(name="Research", slug="research")
    seed()
    assert [team.slug for team in Team.objects.all()] == ["research"]


def test_this_machine_offers_python_and_sizes():
    seed()
    cluster = Cluster.objects.get(slug="this-machine")
    assert cluster.driver == "local"
    assert cluster.images.filter(entry_commands__has_key=".py").exists()
    assert cluster.profiles.first().name == "Small"


def test_where_scripts_may_not_run_beside_the_portal_no_cluster_is_offered(settings, monkeypatch):
    settings.HAS_LOCAL_CLUSTER = False
    monkeypatch.setattr("portal.management.commands.seed.find_interpreters", lambda: pytest.fail("looked"))
    assert seed()["password"]
    assert not Cluster.objects.exists()
    assert Team.objects.exists()


def test_a_second_seed_adds_nothing():
    seed()
    counts = [model.objects.count() for model in (User, Team, Cluster, Image, Profile)]
    seed()
    assert [model.objects.count() for model in (User, Team, Cluster, Image, Profile)] == counts


def test_r_that_is_installed_later_is_added_once(programs):
    seed()
    assert not Image.objects.filter(entry_commands__has_key=".R").exists()
    put(programs, "Rscript", "Rscript (R) version 4.9.1 (2030-01-01)")
    for _ in range(2):
        seed()
    image = Image.objects.get(entry_commands__has_key=".R")
    assert image.label == "R 4.9"
    assert image.entry_commands[".R"] == [str(programs / "Rscript")]


def test_what_an_admin_edited_stays(programs):
    seed()
    Cluster.objects.update(name="The old workstation", slug="workstation", is_enabled=False)
    Image.objects.update(
        label="Our Python", entry_commands={".py": [sys.executable, "-X", "dev"]}, is_enabled=False
    )
    Profile.objects.filter(name="Small").update(name="Tiny", memory_bytes=5)
    before = list(Image.objects.values()) + list(Profile.objects.values()) + list(Cluster.objects.values())
    seed()
    after = list(Image.objects.values()) + list(Profile.objects.values()) + list(Cluster.objects.values())
    assert after == before


def test_a_command_whose_program_is_gone_is_repaired(programs):
    put(programs, "Rscript", "Rscript (R) version 4.9.1 (2030-01-01)")
    seed()
    Image.objects.filter(reference="local/r-4.9").update(label="R", entry_commands={".R": ["/gone/Rscript"]})
    seed()
    image = Image.objects.get(reference="local/r-4.9")
    assert image.entry_commands[".R"] == [str(programs / "Rscript")]
    assert image.label == "R"


def test_a_label_that_an_admin_took_is_no_obstacle(programs):
    seed()
    Image.objects.create(cluster=Cluster.objects.get(), label="R 4.9", reference="registry/r:4.9")
    put(programs, "Rscript", "Rscript (R) version 4.9.1 (2030-01-01)")
    seed()
    assert Image.objects.get(reference="local/r-4.9").label == "R 4.9 (r-4.9)"


def test_without_any_python_the_admin_is_told(programs, monkeypatch):
    monkeypatch.setattr("portal.management.commands.seed.find_interpreters", list)
    err = StringIO()
    call_command("seed", stdout=StringIO(), stderr=err)
    assert "install python3" in err.getvalue()
