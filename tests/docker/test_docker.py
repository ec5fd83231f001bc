"""The image and the compose file on a real engine, with a job on a real cluster: a portal's life, in order."""

import http.client
import json
import re
import threading
import time
from urllib.parse import urlsplit

import pytest

from clusters.kubernetes.api import Api
from clusters.kubernetes.kubeconfig import read_kubeconfig
from tests.docker.deployed import PROCESSES, SERVERS
from tests.visitor import PASSWORD, Visitor

pytestmark = [pytest.mark.docker, pytest.mark.timeout(900)]
ENVIRONMENT = "Python 3.11=test/python:3.11"
SCRIPT = """
import os, pathlib
print("hello from", os.environ["STELLWERK_JOB_ID"])
pathlib.Path("table.csv").write_text("a,b\\n1,2\\n")
"""


@pytest.fixture(scope="session")
def namespace(kubernetes):
    if kubernetes is None:
        yield ""
        return
    name = f"sw-docker-{int(time.time())}"
    api = Api(read_kubeconfig(kubernetes.kubeconfig).connection())
    api.post("/api/v1/namespaces", {"metadata": {"name": name}})
    yield name
    api.delete(f"/api/v1/namespaces/{name}", {"propagationPolicy": "Background"})
    api.close()


@pytest.fixture(scope="session")
def connected(portal, kubernetes, namespace):
    """Connected with the documented command; where there is no cluster, jobs run in the worker's container."""
    if kubernetes is None:
        return
    said = portal.execute(
        "worker",
        *("python", "manage.py", "connect_cluster", "--kubeconfig", "-", "--name", "Our cluster"),
        *("--namespace", namespace, "--runner-image", "test/python:3.11", "--environment", ENVIRONMENT),
        stdin=kubernetes.kubeconfig,
    )
    assert "Our cluster is connected" in said


@pytest.fixture(scope="session")
def job(admin, connected):
    """A job that ended well before anything was done to the portal."""
    return run_a_job(admin)


def run_a_job(visitor: Visitor) -> int:
    job_id = visitor.send_form(visitor.new_form(), SCRIPT)
    assert visitor.wait_until_finished(job_id, 180) == "succeeded"
    return job_id


def check_job(visitor: Visitor, job_id: int) -> None:
    """Its output and its result, as they are downloaded."""
    output = visitor.get(f"/jobs/{job_id}/output/stdout.log")
    assert (output.status_code, output.text) == (200, f"hello from {job_id}\n")
    page = visitor.get(f"/jobs/{job_id}/results/").text
    address = re.search(r'href="(/jobs/\d+/results/\d+/download/)"', page)
    assert address, page
    result = visitor.get(address[1])
    assert (result.status_code, result.text) == (200, "a,b\n1,2\n")
    assert "attachment" in result.headers["Content-Disposition"]


def test_after_the_documented_start_everything_is_healthy(portal):
    assert {service: portal.health(service) for service in (*SERVERS, *PROCESSES)} == dict.fromkeys(
        (*SERVERS, *PROCESSES), "healthy"
    )
    assert portal.container("migrate")["State"]["ExitCode"] == 0


@pytest.mark.parametrize("service", PROCESSES)
def test_a_process_has_no_rights_and_cannot_write_its_own_program(portal, service):
    found = portal.container(service)
    assert found["HostConfig"]["ReadonlyRootfs"] is True
    assert found["HostConfig"]["CapDrop"] == ["ALL"]
    told = portal.execute(
        service, "sh", "-c", "id -u; grep CapEff /proc/1/status; touch /opt/stellwerk/x 2>&1; true"
    )
    assert told.startswith("10001\nCapEff:\t0000000000000000\n")
    assert "touch" in told
    assert bool(found["NetworkSettings"]["Ports"]) is (service == "front")


def test_nothing_secret_is_in_the_image_and_the_keys_are_ours_alone(portal):
    image = portal.container("web")["Image"]
    told = portal.sh("docker", "inspect", image) + portal.sh("docker", "history", "--no-trunc", image)
    assert portal.database_password not in told
    config = json.loads(portal.sh("docker", "inspect", image))[0]["Config"]
    assert config["User"] == "10001:10001"
    assert config["Labels"]["org.opencontainers.image.title"] == "Stellwerk"
    assert not any(name.startswith(("SECRET", "CREDENTIAL", "DATABASE")) for name in config["Env"])
    listed = portal.execute("web", "sh", "-c", "stat -c '%a %u %n' /data/*key*; ls -a /opt/stellwerk/app")
    assert listed.startswith("600 10001 /data/credential-keys\n600 10001 /data/secret-key\n")
    assert not {".env", ".git", "tests", "docs"} & set(listed.split())


def test_the_admin_signs_in_and_finds_no_local_cluster_unless_it_was_asked_for(portal, admin):
    assert admin.get("/").status_code == 200
    counted = "from clusters.models import Cluster; print(Cluster.objects.filter(driver='local').count())"
    assert portal.execute("web", "python", "manage.py", "shell", "-v0", "-c", counted).strip() == str(
        int(not portal.has_cluster)
    )
    styles = re.search(r'href="(/static/[^"]+\.css)"', admin.get("/").text)
    assert styles
    served = admin.get(styles[1])
    assert (served.status_code, served.headers["Content-Type"]) == (200, "text/css")
    assert "immutable" in served.headers["Cache-Control"]


def test_a_job_runs_and_its_output_and_result_come_back(portal, admin, job):
    check_job(admin, job)
    asked = f"from jobs.models import Job; print(Job.objects.get(pk={job}).cluster.driver)"
    driver = portal.execute("web", "python", "manage.py", "shell", "-v0", "-c", asked).strip()
    assert driver == ("kubernetes" if portal.has_cluster else "local")


def test_a_request_that_runs_is_finished_when_web_has_to_go(portal, admin):
    """SIGTERM between the two halves of what a browser sends."""
    address = urlsplit(portal.url)
    slow = http.client.HTTPConnection(address.hostname, address.port, timeout=60)
    slow.putrequest("POST", "/accounts/login/")
    slow.putheader("Content-Type", "application/x-www-form-urlencoded")
    slow.putheader("Content-Length", "20")
    slow.endheaders()
    slow.send(b"login=alice")
    # Past nginx, which passes on what it has: web has the request when it has read its head.
    time.sleep(1)
    stopping = threading.Thread(target=portal.compose, args=("stop", "web"))
    stopping.start()
    portal.wait(lambda: "Handling signal: term" in portal.compose("logs", "web"), "web was not told")
    slow.send(b"&x=567890")
    answer = slow.getresponse().status
    stopping.join()
    assert answer in (200, 403)
    state = portal.container("web")["State"]
    assert (state["ExitCode"], state["OOMKilled"]) == (0, False)
    portal.compose("start", "web")
    portal.wait_until_healthy("web")


def test_everything_ends_by_itself_when_told_and_loses_nothing(portal, admin, job):
    began = time.monotonic()
    portal.compose("stop")
    codes = {service: portal.container(service)["State"]["ExitCode"] for service in (*PROCESSES, *SERVERS)}
    # Nothing had to be killed (137).
    assert codes == dict.fromkeys(codes, 0), codes
    assert time.monotonic() - began < 60
    portal.compose("down")
    portal.compose("up", "-d", "--wait")
    check_job(admin, job)
    assert Visitor(portal.url).sign_in("admin", PASSWORD).get("/").status_code == 200


def test_what_is_killed_comes_back_and_a_job_runs_through(portal, admin, job):
    before = {service: portal.kill(service) for service in (*PROCESSES, *SERVERS)}

    def is_new(service: str) -> bool:
        return portal.container(service)["State"]["StartedAt"] != before[service]

    for service in before:
        portal.wait(lambda service=service: is_new(service), f"{service} was not started again")
    portal.wait_until_healthy()
    check_job(admin, run_a_job(admin))


def test_a_backup_restored_on_new_volumes_is_the_same_portal(portal, admin, job):
    portal.run_documented("Back up")
    portal.wait_until_healthy()
    assert (portal.folder / "backup" / "files.tar").stat().st_mode & 0o077 == 0
    portal.compose("down", "--volumes")
    portal.run_documented("Restore")
    check_job(Visitor(portal.url).sign_in("admin", PASSWORD), job)
    # Its keys and its identity are the same: sessions hold, and the cluster's credentials can be read.
    check_job(admin, run_a_job(admin))


def test_keys_are_rotated_while_everything_runs(portal, admin, job):
    said = portal.execute("worker", "python", "manage.py", "rotate_credentials")
    assert f"{int(portal.has_cluster)} credentials are encrypted with the newest key." in said
    check_job(admin, run_a_job(admin))


def test_with_half_of_the_settings_nothing_starts_and_one_sentence_says_why(portal):
    given = ("-e", "PORTAL_URL_FOR_JOBS=", "--no-deps", "-T", "worker")
    with pytest.raises(AssertionError, match="stellwerk worker: PORTAL_URL_FOR_JOBS is not set"):
        portal.compose("run", "--rm", *given)
