"""`manage.py seed`: what a new portal needs to be of use. Runs at every start, keeps what admins changed."""

import json
import secrets
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand
from django.db import connection, transaction

from clusters.interpreters import Interpreter, find_interpreters, is_runnable
from clusters.machine import read_machine, sizes_for
from clusters.models import Cluster, DriverKind, Image, Profile
from teams.audit import record_by
from teams.audit.origin import name_of
from teams.models import Membership, Role, Team, User

ADMIN = "admin"
SEED = "manage.py seed"
# No letters that are read for others, spoken as they are written: 75 syllables, eight of them are 49 bits.
CONSONANTS, VOWELS = "bdfghkmnprstvwz", "aeiou"
LOCK = 0x5EED


class Command(BaseCommand):
    """The last line of the output is JSON: {"admin": "admin", "password": "…" or null}."""

    help = (
        "Make the first admin, a team, the cluster “This machine” with its environments and profiles "
        "(without STELLWERK_LOCAL_CLUSTER=false)."
    )

    def handle(self, *args: Any, **options: Any) -> None:
        """Make what is missing. Never makes twice, never changes what an admin changed."""
        with transaction.atomic():
            _one_at_a_time()
            password = seed_admin()
            seed_team()
            added = seed_cluster(find_interpreters()) if settings.HAS_LOCAL_CLUSTER else []
        for label in added:
            self.stdout.write(f"Environment added: {label}")
        if settings.HAS_LOCAL_CLUSTER and not Image.objects.filter(entry_commands__has_key=".py").exists():
            self.stderr.write("No Python was found that jobs can run: install python3 and start again.")
        self.stdout.write(json.dumps({"admin": ADMIN, "password": password}))


def seed_admin() -> str | None:
    """The admin's one-time password: a fresh one each time until another was chosen; from then on None."""
    user = User.objects.filter(username=ADMIN).first()
    if user is None:
        if User.objects.filter(is_superuser=True, is_active=True).exists():
            return None
        user = User(username=ADMIN, is_staff=True, is_superuser=True, must_change_password=True)
    if not (user.must_change_password and user.is_active):
        return None
    password, is_new = new_password(), user.pk is None
    user.set_password(password)
    user.save()
    action = "person.added" if is_new else "account.password_changed"
    record_by(SEED, action, user, new={"is_superuser": True, "password": password})
    return password


def new_password() -> str:
    """Random, readable, easily typed: four words such as `tibo-muka-reni-zofa`."""
    words = (
        "".join(secrets.choice(letters) for letters in (CONSONANTS, VOWELS, CONSONANTS, VOWELS))
        for _ in range(4)
    )
    return "-".join(words)


def seed_team() -> None:
    """A first team, managed by the first admin, where there is none."""
    admin = User.objects.filter(username=ADMIN).first()
    if admin is None or Team.objects.exists():
        return
    team = Team.objects.create(name="Data science", slug="data-science")
    Membership.objects.create(team=team, user=admin, role=Role.MANAGER)
    record_by(SEED, "team.added", team, team=team, new={"manager": name_of(admin)})


def seed_cluster(interpreters: list[Interpreter]) -> list[str]:
    """The cluster "This machine" with what is found on it; answers the labels of the environments added."""
    cluster = Cluster.objects.filter(driver=DriverKind.LOCAL).order_by("pk").first()
    if cluster is None:
        cluster = Cluster.objects.create(name="This machine", slug="this-machine", driver=DriverKind.LOCAL)
        record_by(SEED, "cluster.connected", cluster)
    if not cluster.profiles.exists():
        _seed_profiles(cluster)
    return [found.label for found in interpreters if _seed_image(cluster, found)]


def _seed_profiles(cluster: Cluster) -> None:
    for position, size in enumerate(sizes_for(read_machine(settings.HOME))):
        Profile.objects.create(
            cluster=cluster,
            name=size.name,
            cpu_millis=size.cpu_millis,
            memory_bytes=size.memory_bytes,
            disk_bytes=size.disk_bytes,
            position=position,
        )


def _seed_image(cluster: Cluster, found: Interpreter) -> bool:
    """True when the environment is new. Its reference makes it the same, whatever its label became."""
    if known := cluster.images.filter(reference=found.reference).first():
        _repair(known, found)
        return False
    label = found.label
    if cluster.images.filter(label=label).exists():
        label = f"{label} ({found.reference.removeprefix('local/')})"
    _, is_new = Image.objects.get_or_create(
        cluster=cluster,
        label=label,
        defaults={
            "reference": found.reference,
            "description": found.description,
            "entry_commands": dict(found.commands),
            "position": cluster.images.count(),
        },
    )
    return is_new


def _repair(image: Image, found: Interpreter) -> None:
    """A command whose program is gone is of no use to anyone: the same interpreter was found elsewhere."""
    programs = [Path(command[0]) for command in image.entry_commands.values() if command]
    if any(program.is_absolute() and not is_runnable(program, by_others=False) for program in programs):
        image.entry_commands = dict(found.commands)
        image.save(update_fields=["entry_commands"])


def _one_at_a_time() -> None:
    """Two seeds at once wait for each other until the transaction ends."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s)", [LOCK])
