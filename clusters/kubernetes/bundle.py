"""The runner as three small files that travel in a ConfigMap, so that no image has to hold it."""

import base64
import hashlib
import io
import zipfile
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

FOLDER = Path(__file__).resolve().parents[2] / "runner"


@dataclass(frozen=True)
class Bundle:
    """`files` by name, in base64; `name` changes with their content."""

    name: str
    files: dict[str, str]


@lru_cache
def runner_bundle() -> Bundle:
    """runner.pyz for `fetch` and `collect`, the rest for the script's container. The same code, the same bytes."""
    contents = {name: (FOLDER / name).read_bytes() for name in ("main.sh", "facts.sh")}
    contents["runner.pyz"] = _archive()
    digest = hashlib.sha256()
    for name, content in sorted(contents.items()):
        digest.update(name.encode() + b"\0" + hashlib.sha256(content).digest())
    files = {name: base64.b64encode(content).decode("ascii") for name, content in contents.items()}
    return Bundle(f"stellwerk-runner-{digest.hexdigest()[:12]}", files)


def _archive() -> bytes:
    """A zip that Python runs. Times are left out: they would make each portal's bundle another one."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        start = "import sys\nfrom runner.__main__ import main\nsys.exit(main(sys.argv[1:]))\n"
        archive.writestr(zipfile.ZipInfo("__main__.py"), start, zipfile.ZIP_DEFLATED)
        for path in sorted(FOLDER.glob("*.py")):
            archive.writestr(zipfile.ZipInfo(f"runner/{path.name}"), path.read_bytes(), zipfile.ZIP_DEFLATED)
    return buffer.getvalue()
