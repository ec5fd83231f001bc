"""The runner's benches: the intake, and the local driver's lab where real processes are needed."""

from tests.clusters.conftest import intake, lab, public_directory

__all__ = ["intake", "lab", "public_directory"]
