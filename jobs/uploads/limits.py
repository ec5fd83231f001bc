"""How much an upload may be. The figures are settings; the defaults here are the settings' defaults."""

from dataclasses import dataclass, fields

GIB = 1024**3


@dataclass(frozen=True)
class UploadLimits:
    """Bounds of one bundle of files, and of an archive that is unpacked into one.

    `max_archive_ratio` is unpacked bytes per packed byte of the whole archive; `max_path_length` is in
    characters; `max_depth` is the number of components of a path, the file's own name included.
    """

    max_files: int = 2000
    max_file_bytes: int = 4 * GIB
    max_total_bytes: int = 8 * GIB
    max_archive_entries: int = 5000
    max_archive_ratio: int = 200
    max_path_length: int = 240
    max_depth: int = 32


def from_settings() -> UploadLimits:
    """The limits of this installation: `UPLOAD_MAX_FILES` and so on, each with its default."""
    from django.conf import settings

    names = [field.name for field in fields(UploadLimits)]
    given = {name: getattr(settings, f"UPLOAD_{name.upper()}", None) for name in names}
    return UploadLimits(**{name: value for name, value in given.items() if value is not None})
