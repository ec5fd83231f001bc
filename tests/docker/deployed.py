"""The portal as somebody deploys it: a copy of the checkout, an .env, and the commands of docs/deployment.md."""

import json
import os
import re
import secrets
import shutil
import signal
import subprocess
import time
from pathlib import Path
from typing import Any

from tests.docker import engine

PROCESSES = ("web", "intake", "live", "worker", "beat", "watch", "front")
SERVERS = ("postgres", "valkey")
DEPLOYMENT = (engine.BASE / "docs" / "deployment.md").read_text()
# Only builds under the test engine's classic builder reach the package registries this way.
OVERRIDE = "services: {migrate: {build: {context: ., network: host}}}\n"
PATIENCE = 420.0


class Deployed:
    """`url` is what browsers use, and pods on the cluster.

    `host` is this machine's address for pods; "" where there is no cluster: then jobs run in the worker's container,
    which nobody should do but a test that has nothing else.
    """

    def __init__(self, folder: Path, host: str, port: int) -> None:
        self.has_cluster, host = bool(host), host or "127.0.0.1"
        self.folder, self.url = folder / "stellwerk", f"http://{host}:{port}"
        self.environment = engine.start() | {
            "COMPOSE_PROJECT_NAME": f"stellwerk-test-{secrets.token_hex(2)}",
            "STELLWERK_VERSION": "test",
        }
        self.database_password = secrets.token_hex(12)
        _copy_checkout(self.folder)
        (self.folder / "docker-compose.override.yml").write_text(OVERRIDE)
        (self.folder / ".env").write_text(
            f"POSTGRES_PASSWORD={self.database_password}\n"
            f"PORTAL_URL_FOR_JOBS={self.url if self.has_cluster else 'http://front:8000'}\n"
            f"STELLWERK_LOCAL_CLUSTER={'' if self.has_cluster else 'true'}\n"
            f"STELLWERK_LISTEN={host}\nSTELLWERK_PORT={port}\n"
            "STELLWERK_ALLOWED_HOSTS=\nSTELLWERK_TRUSTED_ORIGINS=\nSTELLWERK_PROXIES=\n"
        )

    def run_documented(self, heading: str) -> str:
        """Run the first block of shell commands below that heading, as they stand there; what they printed."""
        section = DEPLOYMENT.partition(f"\n## {heading}\n")[2].partition("\n## ")[0]
        block = re.search(r"```sh\n(.*?)```", section, re.S)
        assert block, f"docs/deployment.md has no commands below “{heading}”"
        return self.sh("bash", "-euo", "pipefail", "-c", block[1])

    def compose(self, *words: str, stdin: str = "") -> str:
        return self.sh("docker", "compose", *words, stdin=stdin)

    def execute(self, service: str, *words: str, stdin: str = "") -> str:
        return self.compose("exec", "-T", service, *words, stdin=stdin)

    def sh(self, *words: str, stdin: str = "") -> str:
        done = subprocess.run(
            words,
            cwd=self.folder,
            env=self.environment,
            input=stdin,
            capture_output=True,
            text=True,
            timeout=PATIENCE,
            check=False,
        )
        assert done.returncode == 0, f"{words}\n{done.stdout}\n{done.stderr}\n{self.complaints()}"
        return done.stdout

    def complaints(self) -> str:
        """What the containers said last."""
        words = ("docker", "compose", "logs", "--tail", "15")
        done = subprocess.run(
            words,
            cwd=self.folder,
            env=self.environment,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        return done.stdout[-12000:]

    def password(self) -> str:
        """The one-time password that migrate printed last."""
        printed = self.compose("logs", "--no-log-prefix", "migrate")
        return re.findall(r"Sign in as admin with the one-time password (\S+)", printed)[-1]

    def container(self, service: str) -> dict[str, Any]:
        """What the engine knows of the service's container, also of one that has ended."""
        name = self.compose("ps", "-a", "-q", service).strip()
        return json.loads(self.sh("docker", "inspect", name))[0]

    def health(self, service: str) -> str:
        state = self.container(service)["State"]
        return state["Health"]["Status"] if state["Running"] else state["Status"]

    def wait(self, claim: Any, what: str, seconds: float = PATIENCE) -> None:
        """Until `claim()` is true."""
        deadline = time.monotonic() + seconds
        while not claim():
            assert time.monotonic() < deadline, f"{what}\n{self.complaints()}"
            time.sleep(0.3)

    def wait_until_healthy(self, *services: str) -> None:
        for service in services or (*SERVERS, *PROCESSES):
            self.wait(lambda service=service: self.health(service) == "healthy", f"{service} is not healthy")

    def kill(self, service: str) -> str:
        """kill -9 of the container's first process, as the kernel would do it; when it had been started."""
        state = self.container(service)["State"]
        os.kill(state["Pid"], signal.SIGKILL)
        return state["StartedAt"]

    def remove(self) -> None:
        self.compose("down", "--volumes", "--timeout", "3", "--remove-orphans")


def _copy_checkout(folder: Path) -> None:
    """What a clone would have, with what is not committed yet."""
    command = ["git", "ls-files", "-co", "--exclude-standard"]
    listed = subprocess.run(
        command, cwd=engine.BASE, capture_output=True, text=True, check=True
    ).stdout.split("\n")
    for name in listed:
        source, target = engine.BASE / name, folder / name
        if name and source.is_file() and not name.startswith(("tests/", "docs/")):
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(source, target)
