"""Where the portal keeps what it knows: the home, its lock, the run folder with the sockets."""

import base64
import fcntl
import json
import os
import secrets
import shutil
import tempfile
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from portal.up.account import Account, others_can_enter
from portal.up.troubles import AlreadyRunning, DiskFull, HomeNotWritable

NEEDED_MIB = 200
RUN_PREFIX = "stellwerk-run-"
# Root's homes that other accounts may not enter are kept in one of these; the asked path becomes a link.
OPEN_PLACES = (Path("/var/lib/stellwerk"), Path("/var/tmp/stellwerk-homes"))  # noqa: S108 (made by us, mode 0711)


@dataclass(frozen=True)
class Home:
    """The one folder under which all state lives (STELLWERK_HOME)."""

    path: Path

    @property
    def postgres(self) -> Path:
        return self.path / "postgres"

    @property
    def valkey(self) -> Path:
        return self.path / "valkey"

    @property
    def files(self) -> Path:
        return self.path / "files"

    @property
    def static(self) -> Path:
        return self.path / "static"

    @property
    def front(self) -> Path:
        return self.path / "front"

    @property
    def logs(self) -> Path:
        return self.path / "log"

    @property
    def record(self) -> Path:
        """What runs now: process ids by name, addresses of the database and of Redis."""
        return self.path / "up.json"

    def log(self, name: str) -> Path:
        return self.logs / f"{name}.log"


def open_home(asked: Path, account: Account) -> Home:
    """Make and check the home. Raises HomeNotWritable and DiskFull."""
    try:
        check_free_space(asked)
        home = Home(reachable_folder(asked, account))
        home.path.chmod(0o711)
        home.logs.mkdir(mode=0o700, exist_ok=True)
        account.share_folder(home.files)
        account.share_folder(home.static)
        _make_secret(home.path / "secret-key", secrets.token_urlsafe(48))
        _make_secret(
            home.path / "credential-keys", base64.urlsafe_b64encode(secrets.token_bytes(32)).decode()
        )
    except (PermissionError, NotADirectoryError, FileExistsError) as error:
        raise HomeNotWritable(asked, error.strerror or str(error)) from error
    return home


def check_free_space(path: Path) -> None:
    """Raise DiskFull when the disk of `path` has too little room to start."""
    existing = next(folder for folder in (path.resolve(), *path.resolve().parents) if folder.exists())
    if shutil.disk_usage(existing).free < NEEDED_MIB * 1024 * 1024:
        raise DiskFull(path, NEEDED_MIB)


def reachable_folder(asked: Path, account: Account) -> Path:
    """The real folder of `asked`, in a place where `account` and the users of jobs can get to.

    A checkout under root's own 0700 home is closed to them, and no parent's mode is ever changed: such a
    folder is kept elsewhere and `asked` becomes a link to it.
    """
    real = asked.resolve()
    if not account.is_other or others_can_enter(real):
        _make_open_parents(real)
        real.mkdir(exist_ok=True)
        return real
    moved = Path(tempfile.mkdtemp(prefix=f"{real.parent.name}-", dir=_open_place()))
    moved.chmod(0o711)
    if real.is_dir():
        for entry in real.iterdir():
            shutil.move(entry, moved / entry.name)
        real.rmdir()
    real.parent.mkdir(parents=True, exist_ok=True)
    real.symlink_to(moved)
    return moved


def lock(home: Home, asked: Path | None = None) -> IO[str]:
    """Hold the home until the file is closed or the process ends. Raises AlreadyRunning, which names `asked`."""
    file = (home.path / "up.lock").open("a+")
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        file.seek(0)
        raise AlreadyRunning(asked or home.path, file.read().strip()) from None
    file.truncate(0)
    file.write(str(os.getpid()))
    file.flush()
    return file


def make_run_folder(account: Account) -> Path:
    """A new short folder for the sockets (their paths end at 108 bytes); only we and `account` may enter.

    `db/` in it is `account`'s own. Users of jobs reach neither.
    """
    folder = Path(tempfile.mkdtemp(prefix=RUN_PREFIX, dir=_run_parent(account)))
    if account.is_other:
        os.chown(folder, -1, account.gid or 0)
        folder.chmod(0o710)
    account.make_folder(folder / "db")
    return folder


def remove_run_folder(folder: Path) -> None:
    if folder.name.startswith(RUN_PREFIX):
        shutil.rmtree(folder, ignore_errors=True)


def read_record(home: Home) -> dict[str, Any]:
    """What the last supervisor wrote; empty when it stopped cleanly or nothing can be read."""
    try:
        found = json.loads(home.record.read_text())
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def write_record(home: Home, record: dict[str, Any]) -> None:
    """Replace it as a whole: a reader or a crash never sees half of it."""
    new = home.record.with_suffix(".new")
    descriptor = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w") as file:
        json.dump(record, file, indent=2)
    new.replace(home.record)


def _make_open_parents(path: Path) -> None:
    """Only folders that are missing are made, and only those get a mode."""
    for folder in reversed(path.parents):
        if not folder.exists():
            folder.mkdir()
            folder.chmod(0o755)


def _open_place() -> Path:
    for place in OPEN_PLACES:
        with suppress(OSError):
            if not place.exists():
                place.mkdir()
                place.chmod(0o711)  # by itself: the umask would take a part away
            if others_can_enter(place / "x") and place.stat().st_uid == os.geteuid():
                return place
    raise HomeNotWritable(OPEN_PLACES[0], "no place that other accounts can enter")


def _run_parent(account: Account) -> Path:
    own = os.environ.get("XDG_RUNTIME_DIR", "")
    if not account.is_other and own and len(own) < 40 and os.access(own, os.W_OK):
        return Path(own)
    run = Path("/run")
    return run if account.is_other and os.access(run, os.W_OK) else Path("/tmp")  # noqa: S108 (mkdtemp makes it ours)


def _make_secret(path: Path, fresh: str) -> None:
    """Once; what is there stays."""
    if path.exists() and path.stat().st_size:
        return
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w") as file:
        file.write(fresh + "\n")
