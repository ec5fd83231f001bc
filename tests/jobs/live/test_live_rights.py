"""Streams of the real live process end within ten seconds once their reader has no right to them."""

import asyncio
import select
import socket
import time

import pytest
from django.contrib.sessions.models import Session
from django.db.models import F
from django.utils import timezone

from jobs.output import outputlog
from teams.models import Membership, User
from tests import cast
from tests.jobs.live.live_reader import session_of

pytestmark = [pytest.mark.processes, pytest.mark.django_db(transaction=True)]
PROMISED_SECONDS = 10
PATIENCE = 40


def set_password(user):
    user.set_password("another one")
    user.save()


WAYS = {
    "removed": lambda user: Membership.objects.filter(user=user).delete(),
    "disabled": lambda user: User.objects.filter(pk=user.pk).update(is_active=False),
    "signed out everywhere": lambda user: User.objects.filter(pk=user.pk).update(
        session_epoch=F("session_epoch") + 1
    ),
    "password changed": set_password,
    "session deleted": lambda user: Session.objects.filter(pk=user.key).delete(),
    "session expired": lambda user: Session.objects.filter(pk=user.key).update(expire_date=timezone.now()),
    "has to change the password": lambda user: User.objects.filter(pk=user.pk).update(
        must_change_password=True
    ),
    "no auditor any more": lambda user: User.objects.filter(pk=user.pk).update(is_auditor=False),
    "no admin any more": lambda user: User.objects.filter(pk=user.pk).update(is_superuser=False),
}


@pytest.fixture
def readers(team, bob):
    """One person for each way to lose the right, and Bob, who keeps it."""
    people = {way: cast.new_user(f"user{number}", team) for number, way in enumerate(WAYS)}
    auditor, admin = people["no auditor any more"], people["no admin any more"]
    Membership.objects.filter(user__in=[auditor, admin]).delete()
    User.objects.filter(pk=auditor.pk).update(is_auditor=True)
    User.objects.filter(pk=admin.pk).update(is_superuser=True)
    people["keeps it"] = bob
    for person in people.values():
        person.key = session_of(User.objects.get(pk=person.pk))
    return people


async def opened(site, key, path):
    reader, writer = await asyncio.open_unix_connection(site.run / "live.sock", limit=2**20)
    writer.write(f"GET {path} HTTP/1.1\r\nHost: x\r\nCookie: sessionid={key}\r\n\r\n".encode())
    head = await reader.readuntil(b"retry:")
    assert head.startswith(b"HTTP/1.1 200"), head
    return reader, writer


async def seconds_to_end(reader, began):
    """Until the stream says that it is closed and is over."""
    said = b""
    while part := await reader.read(4096):
        said += part
        if said.endswith(b"0\r\n\r\n"):
            break
    assert b"event: closed" in said
    return time.monotonic() - began


def test_whoever_loses_the_right_loses_the_streams_within_ten_seconds(
    site, make_job, make_attempt, readers, capsys
):
    job = make_job(status="running")
    make_attempt(job, started_at=job.running_at)

    async def measure():
        streams = {
            (way, path): await opened(site, person.key, path)
            for way, person in readers.items()
            for path in (f"/live/jobs/{job.pk}/output", f"/live/changes?ids={job.pk}")
        }
        await asyncio.sleep(1)
        for way, lose in WAYS.items():
            await asyncio.to_thread(lose, readers[way])
        began, ends = time.monotonic(), {}
        for (way, path), (reader, _) in streams.items():
            ends[way, path] = asyncio.ensure_future(seconds_to_end(reader, began))
        await asyncio.wait([end for (way, _), end in ends.items() if way in WAYS], timeout=PATIENCE)
        kept = [end for (way, _), end in ends.items() if way not in WAYS]
        assert not any(end.done() for end in kept)
        for end in kept:
            end.cancel()
        for _, writer in streams.values():
            writer.close()
        return {named: end.result() for named, end in ends.items() if named[0] in WAYS}

    took = asyncio.run(measure())
    with capsys.disabled():
        print(f"\n{len(took)} streams ended, the last after {max(took.values()):.1f} s")
    assert {named: seconds for named, seconds in took.items() if seconds > PROMISED_SECONDS} == {}


def test_whoever_reads_nothing_is_cut_off_within_ten_seconds(site, running, alice, capsys):
    job, attempt = running
    for at in range(0, 2**23, 2**20):
        outputlog.append(attempt.pk, "stdout", at, (b"y" * 63 + b"\n") * 2**14)
    with socket.socket(socket.AF_UNIX) as stalled:
        stalled.connect(f"{site.run}/live.sock")
        stalled.sendall(
            f"GET /live/jobs/{job.pk}/output HTTP/1.1\r\nHost: x\r\n"
            f"Cookie: sessionid={session_of(alice)}\r\n\r\n".encode()
        )
        hung_up = select.poll()
        hung_up.register(stalled, 0)  # what is reported without being asked for: the other end is closed
        time.sleep(2)
        assert hung_up.poll(0) == []
        began = time.monotonic()
        Membership.objects.filter(user=alice).delete()
        assert hung_up.poll(PATIENCE * 1000)
        took, got = time.monotonic() - began, 0
        while part := stalled.recv(65536):
            got += len(part)
    with capsys.disabled():
        print(f"\ncut off after {took:.1f} s; {got:,} bytes of 8 MiB were with the kernel before")
    assert took <= PROMISED_SECONDS
