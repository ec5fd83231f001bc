"""A form that came from a capsule pins its image: the very content that ran, whatever the tag means by now."""

from collections.abc import Mapping

from clusters.models import Image

# Fields of a draft; nobody can type them (jobs/provenance/again.py writes them).
PINNED, PINNED_REFERENCE = "pinned_digest", "pinned_reference"


def pinned_digest(fields: Mapping[str, object], image: Image | None) -> str:
    """The digest, as long as the environment still has the image that it is of; else ""."""
    if image is None or fields.get(PINNED_REFERENCE) != image.reference:
        return ""
    return str(fields.get(PINNED, ""))


def pinned_reference(fields: Mapping[str, object], image: Image) -> str:
    """What the job runs."""
    digest = pinned_digest(fields, image)
    return f"{image.reference}@{digest}" if digest else image.reference
