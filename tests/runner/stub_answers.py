"""What the stubbed intake answers of an attempt: its files, and what is there of its results."""

import hashlib
import io
import tarfile


def so_far(data):
    return {"offset": len(data), "sha256": hashlib.sha256(data).hexdigest()}


def known_of(attempt):
    return {
        "results": [
            {"path": path, "size": len(data), "sha256": hashlib.sha256(data).hexdigest()}
            for path, data in attempt.results.items()
        ],
        "parts": [{"path": path, **so_far(data)} for path, data in attempt.parts.items()],
    }


def input_tar(attempt):
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=tarfile.PAX_FORMAT) as archive:
        for path, data in attempt.files.items():
            member = tarfile.TarInfo(path)
            member.size = len(data)
            member.mode = 0o755 if path in attempt.executable else 0o644
            archive.addfile(member, io.BytesIO(data))
    return buffer.getvalue()
