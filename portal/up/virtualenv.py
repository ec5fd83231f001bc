"""Makes `.venv` with the pinned packages: `python3 portal/up/virtualenv.py [dev]`, run by the Makefile.

Standard library only. Nothing is done when a stamp says that the packages are the pinned ones already.
"""

import hashlib
import os
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

BASE = Path(__file__).resolve().parents[2]
VENV = BASE / ".venv"
PYTHON = VENV / "bin" / "python"
CONSTRAINTS = BASE / "constraints.txt"
PIP = (str(PYTHON), "-m", "pip", "--disable-pip-version-check")


class NoVirtualenv(Exception):  # noqa: N818 (one sentence for a person)
    """The virtual environment cannot be made; its text says why and what to do."""


def main(arguments: list[str]) -> int:
    """0 when the packages are there; 1 with one sentence otherwise."""
    with_dev = "dev" in arguments
    if is_current(with_dev):
        return 0
    try:
        _make_folder()
        _install(requirements(with_dev), with_dev)
    except NoVirtualenv as trouble:
        print(f"✗ {trouble}", file=sys.stderr)
        return 1
    _stamp(with_dev).write_text(fingerprint())
    return 0


def is_current(with_dev: bool) -> bool:
    """Whether the packages asked for (those for development hold the others too) are the pinned ones."""
    wanted = fingerprint()
    stamps = [_stamp(True)] if with_dev else [_stamp(True), _stamp(False)]
    return PYTHON.exists() and any(stamp.exists() and stamp.read_text() == wanted for stamp in stamps)


def fingerprint() -> str:
    """Changes with the pins, the list of packages, and the Python."""
    digest = hashlib.sha256(sys.version.encode())
    for name in ("constraints.txt", "pyproject.toml"):
        digest.update((BASE / name).read_bytes())
    return digest.hexdigest()


def requirements(with_dev: bool) -> list[str]:
    """What pyproject.toml asks for: to run the portal, and with `with_dev` to test it."""
    project = tomllib.loads((BASE / "pyproject.toml").read_text())
    found: list[str] = project["project"]["dependencies"]
    return found + (project["dependency-groups"]["dev"] if with_dev else [])


def _make_folder() -> None:
    if PYTHON.exists() and _works((str(PYTHON), "-c", "import sys; sys.exit(sys.version_info < (3, 11))")):
        return
    print(f"Making the virtual environment .venv with Python {sys.version.split()[0]}", flush=True)
    bare = ["--without-pip"] if shutil.which("uv") else []
    command = [sys.executable, "-m", "venv", "--clear", *bare, str(VENV)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode == 0:
        return
    if "ensurepip" in done.stdout + done.stderr:
        raise NoVirtualenv(
            "Python cannot make virtual environments here; install its venv package (python3-venv)."
        )
    lines = (done.stderr or done.stdout).strip().splitlines()
    raise NoVirtualenv(f".venv cannot be made: {lines[-1] if lines else 'no message'}")


def _install(wanted: list[str], with_dev: bool) -> None:
    what = "all packages for tests" if with_dev else "all packages"
    print(f"Installing {what} at their pinned versions (only now and when they change)", flush=True)
    listed = VENV / "requirements.txt"
    listed.write_text("\n".join(wanted) + "\n")
    arguments = ["install", "-r", str(listed), "-c", str(CONSTRAINTS)]
    if uv := _uv():
        if _runs([uv, "pip", *arguments, "--python", str(PYTHON)]):
            return
        print("uv could not install them; trying pip", flush=True)
    if not _has_pip() or not _runs([*PIP, *arguments, "--progress-bar", "off", "-q"]):
        raise NoVirtualenv(
            "The packages could not be installed; the lines above say why. Correct it and try again."
        )


def _uv() -> str | None:
    """uv installs many times faster than pip. None where pip does better: it alone knows the mirror it was told."""
    if found := shutil.which("uv"):
        return found
    if not _has_pip() or _has_own_mirror():
        return None
    own = VENV / "bin" / "uv"
    if not own.exists():
        _works((*PIP, "install", "-q", "-c", str(CONSTRAINTS), "uv"))
    return str(own) if os.access(own, os.X_OK) else None


def _has_pip() -> bool:
    return _works((*PIP, "--version")) or _works((str(PYTHON), "-m", "ensurepip"))


def _has_own_mirror() -> bool:
    done = subprocess.run((*PIP, "config", "list"), capture_output=True, text=True, check=False)
    return any(word in done.stdout for word in ("index-url", "index_url", "no-index", "no_index"))


def _runs(command: list[str]) -> bool:
    """Run it in sight of the person. uv trusts the system's certificates, as pip does."""
    values = {"UV_SYSTEM_CERTS": "1", "UV_NATIVE_TLS": "1"} | os.environ
    return subprocess.run(command, cwd=BASE, env=values, check=False).returncode == 0


def _works(command: tuple[str, ...]) -> bool:
    return subprocess.run(command, capture_output=True, check=False).returncode == 0


def _stamp(with_dev: bool) -> Path:
    return VENV / (".stellwerk-dev" if with_dev else ".stellwerk-runtime")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
