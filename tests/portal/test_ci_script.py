"""What .ci/run makes of suites that pass, fail and waver, and of machines without a cluster. With a stub of make."""

import os
import re
import shutil
import subprocess
import time
from pathlib import Path

import pytest

BASE = Path(__file__).resolve().parents[2]
FAILED = "tests/test_a.py::test_wavers"
# Notes what it is asked for; a suite fails as often as the file fail-<target> says, and ends by pytest's line.
MAKE = f"""#!/bin/bash
echo "make $*" >>calls
case $1 in check) exit 0 ;; esac
times=$(cat "fail-$1" 2>/dev/null || echo 0)
if [ "$times" -gt 0 ]; then
    echo $((times - 1)) >"fail-$1"
    cache=.pytest_cache
    [[ "$2" == *cache_dir=* ]] && cache=${{2#*cache_dir=}}
    cache=${{cache%% *}}/v/cache
    mkdir -p "$cache"
    [ -e "crash-$1" ] || echo '{{"{FAILED}": true}}' >"$cache/lastfailed"
    echo "1 failed in 0.1s"
    exit 2
fi
echo "$1: 1 passed in 0.1s"
"""
COMMAND = """#!/bin/bash
echo "$(basename "$0") $*" >>"{calls}"
[ "$1" = status ] && exit 0
[ "$1" = up ] && echo "started by {name}" && {up}
exit 0
"""


@pytest.fixture
def checkout(tmp_path):
    """`checkout(cluster="exit 0", **files)` runs .ci/run in a folder that has nothing else; its lines and calls."""
    return Checkout(tmp_path)


class Checkout:
    def __init__(self, folder: Path) -> None:
        self.folder = folder / "checkout"
        self.bin = folder / "bin"
        for path in (self.folder / ".ci", self.folder / "tests" / "docker", self.bin):
            path.mkdir(parents=True)
        shutil.copy(BASE / ".ci" / "run", self.folder / ".ci" / "run")
        (self.folder / "Makefile").write_text("e2e-docker:\n")
        (self.folder / "tests" / "docker" / "test_x.py").touch()
        for name in ("apt-get", "sudo"):
            self._program(self.bin / name, "#!/bin/bash\nexit 0\n")
        self._program(self.bin / "make", MAKE)
        self.settings: dict[str, str] = {}
        for name in ("cluster", "docker"):
            self.infrastructure(name, "exit 0")

    def infrastructure(self, name: str, up: str) -> None:
        """What `up` of the cluster or of the engine does: a line of shell."""
        target = self.folder.parent / "shared" / name / f"test{name}"
        target.parent.mkdir(parents=True, exist_ok=True)
        self._program(target, COMMAND.format(calls=self.folder / "calls", name=name, up=up))

    def fails(self, target: str, times: int) -> None:
        (self.folder / f"fail-{target}").write_text(str(times))

    def run(self) -> tuple[int, list[str]]:
        hidden = {name for name in os.environ if name.startswith(("STELLWERK_", "CI_", "MAKE"))}
        values = {name: text for name, text in os.environ.items() if name not in hidden}
        values |= {"PATH": f"{self.bin}:{os.environ['PATH']}", "TESTDOCKER_HOME": str(self.folder)}
        done = subprocess.run(
            [self.folder / ".ci" / "run"],
            env=values | self.settings,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=120,
        )
        return done.returncode, done.stdout.splitlines()

    @property
    def made(self) -> list[str]:
        """Calls of make, without where pytest keeps its cache."""
        return [re.sub(r" ?-o cache_dir=\S+", "", line) for line in self.calls if line.startswith("make")]

    @property
    def calls(self) -> list[str]:
        return (self.folder / "calls").read_text().splitlines()

    def _program(self, path: Path, text: str) -> None:
        path.write_text(text)
        path.chmod(0o755)


def test_all_suites_run_in_order_and_the_last_line_is_the_test_runners(checkout):
    code, lines = checkout.run()
    assert code == 0
    assert checkout.made[:2] == ["make check", "make e2e ARGS=-m 'not beside'"]
    rest = checkout.made[2:]
    assert sorted(rest) == [
        "make e2e ARGS=-m beside",
        "make e2e-docker ARGS=",
        "make test ARGS=--require-browser",
    ]
    assert rest.index("make e2e-docker ARGS=") < rest.index("make e2e ARGS=-m beside"), "one after the other"
    beside = lines[lines.index("---- what ran beside the rest:") :]
    assert {"e2e-docker: 1 passed in 0.1s", "e2e: 1 passed in 0.1s"} <= set(beside)
    assert lines[-1] == "test: 1 passed in 0.1s"
    assert not [line for line in lines if "NOT RUN" in line or "UNSTEADY" in line]
    downs = [line for line in checkout.calls if line.endswith("down")]
    assert downs == ["testcluster down", "testdocker down"], "what was started here is stopped again"


@pytest.mark.parametrize(
    ("target", "arguments"), [("e2e", "-m 'not beside'"), ("e2e-docker", ""), ("test", "--require-browser")]
)
def test_what_passes_only_when_it_is_repeated_is_told_and_passes(checkout, target, arguments):
    checkout.fails(target, 1)
    code, lines = checkout.run()
    assert code == 0
    again = f"make {target} ARGS={arguments} --last-failed --last-failed-no-failures none"
    assert checkout.made.count(again) == 1
    assert len([line for line in lines if f"UNSTEADY: {FAILED}" in line]) == 1
    assert lines[-1] == "test: 1 passed in 0.1s"


BY_TARGET = {"e2e": "make e2e", "e2e-docker": "make e2e-docker", "test": "make test"}


@pytest.mark.parametrize("target", BY_TARGET)
def test_what_fails_twice_fails_the_run(checkout, target):
    checkout.fails(target, 2)
    code, lines = checkout.run()
    assert code != 0
    assert (
        len([call for call in checkout.made if call.startswith(f"make {target} ") and "--last-f" in call])
        == 1
    )
    assert (f"---- {BY_TARGET[target]} failed twice") in lines
    assert not [line for line in lines if "UNSTEADY" in line]


BESIDE = """#!/bin/bash
if [ "$1" = e2e ] && [[ "$2" == *"-m beside"* ]]; then
    echo "make $*" >>calls
    cache=${2#*cache_dir=}
    cache=${cache%% *}/v/cache
    mkdir -p "$cache"
    echo '{"tests/test_b.py::test_waits": true}' >"$cache/lastfailed"
    times=$(cat beside-fails)
    echo $((times - 1)) >beside-fails
    [ "$times" -gt 0 ] && exit 2
    echo "beside: 1 passed in 0.1s"
    exit 0
fi
"""


@pytest.mark.parametrize(("times", "code"), [(0, 0), (1, 0), (2, 1)])
def test_what_runs_beside_the_rest_is_repeated_once_and_told(checkout, times, code):
    (checkout.folder / "beside-fails").write_text(str(times))
    (checkout.bin / "make").write_text(MAKE.replace("#!/bin/bash\n", BESIDE))
    found, lines = checkout.run()
    assert (found != 0) == (code != 0)
    assert len([call for call in checkout.made if "-m beside" in call]) == min(times, 1) + 1
    assert len([line for line in lines if "UNSTEADY: tests/test_b.py::test_waits" in line]) == (times == 1)
    assert ("beside: 1 passed in 0.1s" in lines) == (times < 2)
    if not code:
        assert lines[-1] == "test: 1 passed in 0.1s"


def test_a_suite_that_fails_without_a_failed_test_is_not_repeated(checkout):
    checkout.fails("test", 1)
    (checkout.folder / "crash-test").touch()
    code, _ = checkout.run()
    assert code != 0
    assert [call for call in checkout.made if "make test" in call] == ["make test ARGS=--require-browser"]


def test_what_runs_beside_the_rest_is_ended_when_the_rest_fails(checkout):
    checkout.fails("test", 2)
    slow = MAKE.replace(
        "check) exit 0", 'check) exit 0 ;; e2e) [[ "$2" == *"-m beside"* ]] && exec sleep 300'
    )
    (checkout.bin / "make").write_text(slow)
    began = time.monotonic()
    code, _ = checkout.run()
    assert code != 0
    assert time.monotonic() - began < 100


def test_a_cluster_that_cannot_be_started_is_told_with_its_log_and_the_rest_runs(checkout):
    checkout.infrastructure("cluster", "exit 1")
    code, lines = checkout.run()
    assert code == 0
    assert "started by cluster" in lines
    assert [line for line in lines if "NOT RUN: make e2e:" in line]
    assert checkout.made[0] == "make check"
    assert sorted(checkout.made[1:]) == ["make e2e-docker ARGS=", "make test ARGS=--require-browser"]


def test_a_machine_without_cluster_and_engine_runs_the_rest(checkout):
    shutil.rmtree(checkout.folder.parent / "shared")
    code, lines = checkout.run()
    assert code == 0
    assert len([line for line in lines if "NOT RUN" in line]) == 2
    assert checkout.made == ["make check", "make test ARGS=--require-browser"]


def test_a_cluster_that_takes_for_ever_is_not_waited_for(checkout):
    checkout.infrastructure("cluster", "sleep 300")
    checkout.settings = {"CI_START_SECONDS": "2"}
    began = time.monotonic()
    code, lines = checkout.run()
    assert code == 0
    assert time.monotonic() - began < 100
    assert len([line for line in lines if "NOT RUN" in line]) == 2
    assert lines[-1] == "test: 1 passed in 0.1s"


def test_a_cluster_that_takes_its_time_is_used_beside_the_rest(checkout):
    checkout.infrastructure("cluster", "sleep 3")
    checkout.settings = {"CI_START_SECONDS": "1"}
    (checkout.bin / "make").write_text(MAKE.replace("check) exit 0", "check) exit 0 ;; test) sleep 8"))
    code, lines = checkout.run()
    assert code == 0
    assert not [line for line in lines if "NOT RUN" in line]
    assert checkout.made[1] == "make test ARGS=--require-browser"
    assert checkout.made[2:] == [
        "make e2e ARGS=-m 'not beside'",
        "make e2e-docker ARGS=",
        "make e2e ARGS=-m beside",
    ]
    assert lines[-1] == "test: 1 passed in 0.1s"


def test_a_suite_that_takes_too_long_is_ended_and_fails_the_run(checkout):
    checkout.settings = {"CI_BUDGET_SECONDS": "3"}
    slow = "check) exit 0 ;; test) echo '.... [ 45%]'; exec sleep 300"
    (checkout.bin / "make").write_text(MAKE.replace("check) exit 0", slow))
    shutil.rmtree(checkout.folder.parent / "shared")
    began = time.monotonic()
    code, lines = checkout.run()
    assert code != 0
    assert time.monotonic() - began < 100
    assert lines[-2] == "[ 45%]"
    assert lines[-1].startswith("---- make test was ended: it was not finished after ")


def test_the_end_of_a_failed_run_says_what_failed(checkout):
    checkout.fails("test", 2)
    (checkout.bin / "make").write_text(
        MAKE.replace('echo "1 failed', f'echo "FAILED {FAILED}"; echo "1 failed')
    )
    code, lines = checkout.run()
    assert code != 0
    end = [
        "---- how far it came, and what failed:",
        f"FAILED {FAILED}",
        "1 failed in 0.1s",
        "---- make test failed twice",
    ]
    assert lines[-4:] == end


def test_a_cluster_suite_that_is_not_finished_in_time_is_told_and_the_rest_runs(checkout):
    checkout.settings = {"CI_BUDGET_SECONDS": "3610"}  # what comes after the cluster's suite keeps its 3600
    slow = MAKE.replace(
        "check) exit 0", 'check) exit 0 ;; e2e) [[ "$2" == *"not beside"* ]] && exec sleep 300'
    )
    (checkout.bin / "make").write_text(slow)
    began = time.monotonic()
    code, lines = checkout.run()
    assert code == 0
    assert time.monotonic() - began < 100
    (told,) = [line for line in lines if "NOT RUN" in line]
    assert "the rest of make e2e" in told
    assert lines[-1] == "test: 1 passed in 0.1s"


def test_a_given_cluster_is_used_and_none_is_started(checkout):
    checkout.settings = {"STELLWERK_TEST_KUBECONFIG": "/somewhere"}
    code, _ = checkout.run()
    assert code == 0
    assert "make e2e ARGS=-m 'not beside'" in checkout.made
    assert "testcluster up --with-r" not in checkout.calls
