"""What the documents say can rot; what can be compared with the code is compared here."""

import re
import subprocess
from pathlib import Path

import pytest
from django.conf import settings

from portal.up.supervisor import STOP_ORDER

BASE = Path(__file__).resolve().parents[2]
SETTINGS_PAGE = (BASE / "docs" / "settings.md").read_text()
ROW = re.compile(r"^\| `([A-Z_]+)` \| (.*?) \| (.*?) \|$", re.M)
UNITS = {"": 1, "s": 1, "h": 3600, "MiB": 1024**2, "GiB": 1024**3}
# How the code reads a variable: django-environ in the settings, os.environ where Django is not loaded.
BY_ENVIRON = re.compile(r'\benv\.\w+\(\s*"([A-Z_]+)"')
# (in containers: os.environ under the name `values`).
BY_OS = re.compile(
    r'(?:os\.environ|values)(?:\.get\(|\[)\s*"((?:STELLWERK|LOCAL|JOB|DATABASE|REDIS|PORTAL)_\w+)"'
)
# Given by the runner to the script, not by a person to the portal.
FOR_SCRIPTS = {"STELLWERK_RESULTS", "STELLWERK_KEEP"}
DOCUMENTS = [BASE / "README.md", BASE / "CHANGELOG.md", *sorted((BASE / "docs").rglob("*.md"))]
LINK = re.compile(r'\]\(([^)#\s]+)[^)]*\)|(?:src|srcset)="([^"]+)"')


def documented() -> dict[str, str]:
    return {name: default for name, default, _ in ROW.findall(SETTINGS_PAGE)}


def read_by_code() -> set[str]:
    found = set()
    for package in ("portal", "clusters", "jobs", "teams", "runner"):
        for path in (BASE / package).rglob("*.py"):
            text = path.read_text()
            found |= {*BY_ENVIRON.findall(text), *BY_OS.findall(text)}
    return found - FOR_SCRIPTS


def test_every_setting_that_the_code_reads_is_documented_and_no_other():
    assert set(documented()) == read_by_code()


def test_the_settings_are_found_at_all():
    assert {"STELLWERK_HOME", "DATABASE_URL", "UPLOAD_MAX_FILES", "STELLWERK_FAILPOINTS"} <= read_by_code()


def test_documented_defaults_are_the_codes():
    numbers = {}
    for name, default in documented().items():
        match = re.fullmatch(r"`(\d+)(?: (\w+))?`", default)
        if match and isinstance(value := getattr(settings, name, None), int):
            numbers[name] = (int(match[1]) * UNITS[match[2] or ""], value)
    assert len(numbers) > 10
    assert {name: said for name, (said, _) in numbers.items()} == {
        name: value for name, (_, value) in numbers.items()
    }


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.relative_to(BASE).as_posix())
def test_links_between_documents_and_to_pictures_lead_somewhere(document):
    links = [first or second for first, second in LINK.findall(document.read_text())]
    inside = [link for link in links if not link.startswith(("http://", "https://"))]
    assert [link for link in inside if not (document.parent / link).exists()] == []


def test_every_decision_is_in_the_list():
    folder = BASE / "docs" / "decisions"
    listed = set(re.findall(r"\]\(([\w-]+\.md)\)", (folder / "README.md").read_text()))
    assert listed == {path.name for path in folder.glob("*.md")} - {"README.md"}


def test_the_commands_that_the_readme_names_exist():
    makefile = (BASE / "Makefile").read_text()
    targets = set(re.findall(r"^(\w+):", makefile, re.M))
    named = set(re.findall(r"`?make (\w+)", (BASE / "README.md").read_text()))
    assert {"up", "test", "check", "bench", "screenshots"} <= named
    assert named <= targets
    shown = subprocess.run(
        ["make", "-s", "help"], cwd=BASE, capture_output=True, text=True, check=True
    ).stdout
    assert named <= set(re.findall(r"^make (\w+)", shown, re.M))


def test_the_processes_in_the_architecture_are_those_that_are_started():
    page = (BASE / "docs" / "architecture.md").read_text()
    table = page.partition("## Processes")[2].partition("\n## ")[0]
    rows = re.findall(r"^\| ([a-z, ]+) \|", table, re.M)
    named = {name.strip() for row in rows for name in row.split(",")} - {"process"}
    assert named == {name for names in STOP_ORDER for name in names}
