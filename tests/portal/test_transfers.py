"""Slow people, and those who only pretend to be: whatever they hold open, pages and runners' calls are answered."""

import gc
import os
import socket
from contextlib import ExitStack, contextmanager
from hashlib import sha256
from urllib.parse import urlsplit

import pytest
import requests
from django.http import HttpResponse, StreamingHttpResponse
from django.test import RequestFactory
from django.utils import timezone
from django.utils.functional import SimpleLazyObject

from jobs import transfers
from portal.up import commands, programs
from portal.up.processes import Process, stop_all
from tests.cast import new_artifact

SLOW = commands.WEB_THREADS + transfers.MOST + 6
PATIENCE = 15
MUCH = b"x" * (transfers.MOST_SHORT + 1)


@pytest.fixture
def free(monkeypatch):
    """Three of each kind at once: how many downloads, uploads and transfers of runners could begin now."""
    kinds = {
        "_downloads": transfers.Slots(3),
        "_uploads": transfers.Slots(3),
        "_of_runners": transfers.Slots(3),
    }
    for name, slots in kinds.items():
        monkeypatch.setattr(transfers, name, slots)
    return lambda: [slots.free for slots in kinds.values()]


def through(answer, path="/", runner=False, method="GET", data=b"", user=1):
    request = RequestFactory().generic(method, path, data)
    if not runner:
        request.user = type("Somebody", (), {"is_authenticated": True, "pk": user})()
    middleware = transfers.for_runners if runner else transfers.for_people
    return middleware(lambda _: answer() if callable(answer) else answer)(request)


def streamed():
    return StreamingHttpResponse(iter([b"a", b"b"]))


def test_the_numbers_of_threads_and_transfers_belong_together():
    assert transfers.MOST == commands.TRANSFERS
    assert commands.POOLS["web"] == commands.WEB_THREADS


def test_an_answer_that_is_sent_holds_a_slot_until_it_is_closed(db, free):
    answer = through(streamed)
    assert free() == [2, 3, 3]
    assert b"".join(answer.streaming_content) == b"ab"
    answer.close()
    answer.close()
    assert free() == [3, 3, 3]


def test_who_asks_is_not_looked_up_for_a_page(db, free):
    """A page that needs no database, such as the one that says that it is away, comes without one."""
    request = RequestFactory().get("/health/")
    request.user = SimpleLazyObject(lambda: pytest.fail("looked up"))
    assert transfers.for_people(lambda _: HttpResponse("page"))(request).status_code == 200


def test_an_answer_that_nobody_closes_gives_its_slot_back_when_it_is_forgotten(db, free):
    answer = through(streamed)
    del answer
    gc.collect()
    assert free() == [3, 3, 3]


@pytest.mark.parametrize("runner", [False, True])
def test_one_more_than_there_may_be_is_asked_to_come_again(db, free, runner):
    held = [through(streamed, runner=runner) for _ in range(3)]
    answer = through(streamed, runner=runner)
    assert (answer.status_code, answer.headers["Retry-After"]) == (503, "10")
    assert through(HttpResponse("page"), runner=runner).status_code == 200
    held.pop().close()
    assert through(streamed, runner=runner).status_code == 200


def test_one_person_takes_no_more_than_a_share(db, monkeypatch):
    monkeypatch.setattr(transfers, "_downloads", transfers.Slots(5, of_one=2))
    held = [through(streamed) for _ in range(2)]
    assert through(streamed).status_code == 503
    held += [through(streamed, user=2) for _ in range(2)]
    held[0].close()
    held.append(through(streamed))
    assert [answer.status_code for answer in held] == [200] * 5
    assert through(streamed).status_code == 503
    assert through(streamed, user=3).status_code == 200


def test_who_is_refused_takes_nothing_from_others(db, monkeypatch):
    monkeypatch.setattr(transfers, "_downloads", transfers.Slots(3, of_one=2))
    held = [through(streamed) for _ in range(2)]
    assert [through(streamed).status_code for _ in range(5)] == [503] * 5
    held.append(through(streamed, user=2))
    assert held[2].status_code == 200
    for answer in held:
        answer.close()
    assert transfers._downloads.free == 3
    assert [through(streamed).status_code for _ in range(2)] == [200, 200]


@pytest.mark.parametrize(("path", "runner"), [("/new/x/", False), ("/intake/results", True)])
def test_an_upload_holds_a_slot_while_it_is_read_and_also_when_it_fails(db, free, path, runner):
    seen = []
    through(lambda: seen.append(free()) or HttpResponse(), path, runner, "POST", MUCH)
    with pytest.raises(RuntimeError):
        through(lambda: (_ for _ in ()).throw(RuntimeError("x")) and None, path, runner, "POST", MUCH)
    assert (seen, free()) == ([[3, 3, 2] if runner else [3, 2, 3]], [3, 3, 3])


def test_an_answer_gives_its_connection_back_whenever_its_reader_is_waited_for(db, free, monkeypatch):
    given = []
    monkeypatch.setattr(transfers, "lend_back", lambda: given.append(1))
    answer = through(streamed)
    before = len(given)
    assert b"".join(answer.streaming_content) == b"ab"
    assert len(given) == before + 2


# Real processes: nginx, gunicorn.


@contextmanager
def stuck(url, head, many=SLOW, body=b""):
    """So many connections that sent this much and wait, with the answers' first bytes unread."""
    address = urlsplit(url)
    with ExitStack() as stack:
        for _ in range(many):
            connection = stack.enter_context(socket.socket())
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            connection.settimeout(PATIENCE)
            connection.connect((address.hostname, address.port))
            connection.sendall("\r\n".join([*head, f"Host: {address.netloc}", "", ""]).encode() + body)
        yield


def is_answered(url, path="/health/"):
    return requests.get(url + path, timeout=PATIENCE).status_code


def form(path, cookies="", length=100_000):
    kind = (
        "multipart/form-data; boundary=x" if path.startswith("/new/") else "application/x-www-form-urlencoded"
    )
    return [
        *(f"POST {path} HTTP/1.1", f"Content-Type: {kind}", f"Content-Length: {length}"),
        *(["Cookie: " + cookies] if cookies else []),
    ]


@pytest.mark.processes
@pytest.mark.django_db(transaction=True)
def test_forms_that_never_end_keep_nobody_from_the_pages(site, alice):
    visitor = requests.Session()
    visitor.get(site.url + "/accounts/login/", timeout=PATIENCE)
    cookies = "; ".join(f"{each.name}={each.value}" for each in visitor.cookies)
    with stuck(site.url, form("/accounts/login/", cookies), body=b"a="):
        assert is_answered(site.url) == 200


@pytest.mark.processes
@pytest.mark.django_db(transaction=True)
def test_uploads_of_nobody_are_not_waited_for(site):
    with stuck(site.url, form("/new/capsule/"), body=b"--x\r\n"):
        assert is_answered(site.url) == 200
    answer = requests.post(
        site.url + "/new/capsule/", data=b"x" * 9_000_000, timeout=PATIENCE, allow_redirects=False
    )
    assert (answer.status_code, "/accounts/login/" in answer.headers["Location"]) == (302, True)


@pytest.mark.processes
@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("length", [5_000_000, 1000])
def test_uploads_and_forms_that_hang_leave_threads_and_connections_for_pages(site, alice, length):
    with ExitStack() as stack:
        for _ in range(transfers.MOST // 12 + 1):
            cookie = site.cookie_of(alice)
            # With its cookie the form's token is looked for in the body.
            cookies = f"{cookie['name']}={cookie['value']}; csrftoken={'a' * 32}"
            stack.enter_context(stuck(site.url, form("/new/capsule/", cookies, length), 12, b"--x\r\n"))
        session, cookie = requests.Session(), site.cookie_of(alice)
        session.cookies.set(cookie["name"], cookie["value"])
        assert session.get(site.url + "/", timeout=PATIENCE).status_code == 200
        told = session.post(site.url + "/new/capsule/", b"x" * 300_000, timeout=PATIENCE)
        assert (told.status_code == 503) is (length > transfers.MOST_SHORT)


@pytest.mark.processes
@pytest.mark.django_db(transaction=True)
def test_of_one_session_so_many_forms_are_taken_at_once(site, alice):
    cookie = site.cookie_of(alice)
    head = form("/new/capsule/", f"{cookie['name']}={cookie['value']}; csrftoken={'a' * 32}", 1000)
    with stuck(site.url, head, 12, b"--x\r\n"):
        session = requests.Session()
        session.cookies.set(cookie["name"], cookie["value"])
        assert session.post(site.url + "/new/capsule/", timeout=PATIENCE).status_code == 429
        assert session.get(site.url + "/", timeout=PATIENCE).status_code == 200


@pytest.mark.processes
@pytest.mark.django_db(transaction=True)
def test_readers_that_take_nothing_leave_threads_for_pages_and_others(
    site, alice, bob, make_job, make_attempt
):
    job = make_job(status="succeeded")
    attempt = make_attempt(job, started_at=timezone.now(), collected_at=timezone.now())
    # More than nginx and the sockets keep of an answer.
    new_artifact(attempt, "results/big.bin", os.urandom(30 << 20))
    cookie = site.cookie_of(alice)
    head = [f"GET /jobs/{job.pk}/results.zip HTTP/1.1", f"Cookie: {cookie['name']}={cookie['value']}"]
    with stuck(site.url, head):
        assert is_answered(site.url) == 200
        told = {user: asked_for(site, user, f"/jobs/{job.pk}/results.zip") for user in (alice, bob)}
        assert told == {alice: 503, bob: 200}


def asked_for(site, user, path):
    cookie = site.cookie_of(user)
    cookies = {cookie["name"]: cookie["value"]}
    with requests.get(site.url + path, cookies=cookies, stream=True, timeout=PATIENCE) as answer:
        return answer.status_code


@pytest.mark.processes
@pytest.mark.django_db(transaction=True)
def test_a_form_that_is_larger_than_any_is_refused_in_words(site):
    answer = requests.post(site.url + "/accounts/login/", data=b"x" * (4 << 20), timeout=PATIENCE)
    assert answer.status_code == 413
    assert "nothing of it was taken" in answer.text


@pytest.fixture
def intake(site):
    process = Process(programs.intake(site.home, site.run, site.values))
    process.start()
    try:
        while not process.is_ready:
            assert process.popen.poll() is None
        yield site.url
    finally:
        stop_all([process])


@pytest.mark.processes
@pytest.mark.django_db(transaction=True)
def test_whoever_has_no_token_is_told_at_once_and_holds_nothing(intake, make_job, make_attempt):
    attempt = make_attempt(make_job(status="running"), claimed_by="pod-1")
    own = {"Authorization": f"Bearer {attempt.token}", "X-Content-SHA256": sha256(b"").hexdigest()}
    for path in ("/intake/results?path=a", "/intake/output/stdout?offset=0"):
        head = [f"PUT {path} HTTP/1.1", "Authorization: Bearer swa_1_" + "0" * 64, "Content-Length: 4000000"]
        with stuck(intake, head, body=b"x"):
            told = requests.put(intake + "/intake/output/stdout?offset=0", b"", headers=own, timeout=PATIENCE)
            assert told.status_code == 200, told.text
        foreign = {"Authorization": head[1].partition(": ")[2]}
        told = requests.put(intake + path, b"x" * 3_000_000, headers=foreign, timeout=PATIENCE)
        assert told.status_code == 401, told.text


@pytest.fixture
def runners(make_job, make_attempt):
    """Headers of as many as it takes: of one token nginx takes 8 requests at once."""
    attempts = [make_attempt(make_job(status="running"), claimed_by="pod-1") for _ in range(SLOW // 8 + 1)]
    hashed = sha256(b"").hexdigest()
    return [{"Authorization": f"Bearer {each.token}", "X-Content-SHA256": hashed} for each in attempts]


@pytest.mark.processes
@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("path", ["/intake/results?path=a", "/intake/output/stdout?offset=0"])
def test_results_and_output_that_hang_leave_threads_and_connections_for_lines(intake, runners, path):
    with ExitStack() as stack:
        for own in runners[1:]:
            head = [
                f"PUT {path} HTTP/1.1",
                f"Authorization: {own['Authorization']}",
                "Content-Length: 4000000",
            ]
            stack.enter_context(stuck(intake, head, 14, b"x"))
        own = runners[0]
        told = requests.put(intake + "/intake/output/stdout?offset=0", b"", headers=own, timeout=PATIENCE)
        assert told.status_code == 200, told.text
        told = requests.put(intake + "/intake/results?path=b", b"1", headers=own, timeout=PATIENCE)
        assert (told.status_code, told.headers["Retry-After"]) == (503, "10")


@pytest.mark.processes
@pytest.mark.django_db(transaction=True)
def test_of_one_token_so_many_requests_are_taken_at_once(intake, runners):
    own, other = runners[:2]
    head = ["PUT /intake/output/stdout?offset=0 HTTP/1.1", f"Authorization: {own['Authorization']}"]
    with stuck(intake, [*head, "Content-Length: 100"], 8, b"x"):
        answers = [
            requests.put(intake + "/intake/output/stdout?offset=0", b"", headers=each, timeout=PATIENCE)
            for each in (own, other)
        ]
        assert [answer.status_code for answer in answers] == [429, 200]
