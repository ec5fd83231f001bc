"""What grows over or dies unnoticed: files and functions over the ceilings, templates and files nobody uses."""

import ast
import re
import subprocess
from pathlib import Path

import pytest

BASE = Path(__file__).resolve().parents[2]
FILE_LINES, FUNCTION_LINES, PARAMETERS = 400, 40, 6
# Named by Django and allauth, not by us.
BY_FRAMEWORK = {
    "400.html",
    "403.html",
    "403_csrf.html",
    "404.html",
    "429.html",
    "500.html",
    "account/login.html",
    "account/logout.html",
    "account/password_change.html",
    "allauth/layouts/base.html",
}
ICON = re.compile(r'\{% icon "(\w+)"')


def tracked(*patterns: str) -> list[Path]:
    """Files of the repository, also those that are not committed yet."""
    command = ["git", "ls-files", "-co", "--exclude-standard", *patterns]
    found = subprocess.run(command, cwd=BASE, capture_output=True, text=True, check=True).stdout.split("\n")
    return [BASE / name for name in found if name and (BASE / name).is_file() and "/vendor/" not in name]


def own_text(*patterns: str) -> str:
    return "\n".join(path.read_text() for path in tracked(*patterns))


def test_files_stay_under_the_ceiling():
    lengths = {
        path: len(path.read_text().splitlines()) for path in tracked("*.py", "*.html", "*.css", "*.js")
    }
    assert len(lengths) > 200
    assert {
        path.relative_to(BASE).as_posix(): lines for path, lines in lengths.items() if lines > FILE_LINES
    } == {}


def test_functions_stay_under_the_ceilings():
    over = {}
    for path in tracked("*.py", ":!tests", ":!*/migrations/*"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                lines = (node.end_lineno or 0) - node.lineno + 1
                given = len(node.args.posonlyargs) + len(node.args.args)
                if lines > FUNCTION_LINES or given > PARAMETERS + 1:
                    over[f"{path.relative_to(BASE)}:{node.lineno} {node.name}"] = (lines, given)
    assert over == {}


@pytest.mark.parametrize(
    "template", tracked("templates/*.html", ":!templates/icons/*"), ids=lambda path: path.name
)
def test_each_template_is_used(template):
    name = template.relative_to(BASE / "templates").as_posix()
    code = own_text("*.py", "templates/*.html", ":!tests")
    assert name in BY_FRAMEWORK or f'"{name}' in code or f"'{name}" in code, f"nobody uses {name}"


def test_each_icon_is_used_and_each_used_icon_is_there():
    code = own_text("*.py", "templates/*.html", ":!tests")
    there = {path.stem for path in tracked("templates/icons/*.html")}
    assert set(ICON.findall(code)) <= there
    assert {name for name in there if not re.search(rf"""["']{name}["']""", code)} == set()


def test_each_style_sheet_script_and_picture_is_used():
    code = own_text("*.py", "templates/*.html", "static/*.js", "static/*.css", ":!tests")
    for path in tracked("static/*"):
        name = path.relative_to(BASE / "static").as_posix()
        used = name in code or f"./{path.name}" in code or path.parent.name == "favicon"
        assert used, f"nobody uses {name}"
