"""The examples really run, with the interpreters that `seed` offers, and leave what they promise."""

import csv
import json
import os
import shutil
import subprocess
import xml.etree.ElementTree as ElementTree
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from clusters.interpreters import find_interpreters
from jobs.submission.example_list import EXAMPLES, available_examples, find_example

SVG = "{http://www.w3.org/2000/svg}"


@dataclass
class Image:
    entry_commands: dict[str, list[str]] = field(default_factory=dict)


def run(slug: str, folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run an example as a job would: its files alone, an environment without a display or a locale."""
    example = find_example(slug)
    commands = [i.commands[example.ending] for i in find_interpreters() if example.ending in i.commands]
    if not commands:
        pytest.skip(f"NO INTERPRETER FOR {example.ending} ON THIS MACHINE: example {slug} not run")
    for path, source in example.files():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(source, folder / path)
    environment = {"PATH": os.environ["PATH"], "STELLWERK_RESULTS": str(folder / "results"), "LC_ALL": "C"}
    command = [*commands[0], example.entry, *arguments]
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, timeout=60)
    return subprocess.CompletedProcess(command, done.returncode, done.stdout.decode(), done.stderr.decode())


def rows(path: Path) -> list[dict[str, str]]:
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


def assert_good_plot(path: Path, circles: int) -> None:
    """Well-formed, on a light ground of its own, with labels; nothing that an image viewer would not draw."""
    plot = ElementTree.parse(path).getroot()
    assert plot.tag == f"{SVG}svg"
    assert plot.find(f"{SVG}rect").get("fill") == "#ffffff"
    assert len(plot.findall(f"{SVG}circle")) >= circles
    assert len(plot.findall(f".//{SVG}text")) > 10
    assert not plot.findall(f".//{SVG}script") + plot.findall(f".//{SVG}style")


def test_the_python_model_leaves_table_metrics_plot_and_report(tmp_path):
    done = run("python-model", tmp_path, "--pause", "0")
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    results = tmp_path / "results"
    assert sorted(path.name for path in results.iterdir()) == [
        *("fit.svg", "metrics.json", "predictions.csv", "report.md"),
    ]
    metrics = json.loads((results / "metrics.json").read_text())
    # R says: coef(lm(mpg ~ wt + hp, mtcars)) is 37.22727, -3.87783 (per 1000 lb), -0.03177.
    values = {name: each["value"] for name, each in metrics["coefficients"].items()}
    assert values == pytest.approx(
        {"intercept": 37.22727, "weight": -0.003878, "horsepower": -0.031773}, rel=1e-4
    )
    assert all(each["low"] < each["value"] < each["high"] for each in metrics["coefficients"].values())
    assert metrics["cross_validated"]["r_squared"] > 0.7
    predictions = rows(results / "predictions.csv")
    assert len(predictions) == 32
    assert list(predictions[0]) == ["car", "mpg", "predicted", "residual"]
    assert_good_plot(results / "fit.svg", circles=32)
    assert "| weight |" in (results / "report.md").read_text(encoding="utf-8")


def test_the_python_model_shows_a_bar_and_colours(tmp_path):
    done = run("python-model", tmp_path, "--pause", "0", "--rounds", "60")
    assert done.stdout.count("\rBootstrap") == 60
    assert "100 %\n" in done.stdout
    assert "\033[32m" in done.stdout


def test_the_r_model_leaves_table_metrics_and_plot(tmp_path):
    done = run("r-model", tmp_path)
    assert done.returncode == 0, done.stderr
    results = tmp_path / "results"
    assert sorted(path.name for path in results.iterdir()) == ["fit.svg", "metrics.json", "predictions.csv"]
    metrics = json.loads((results / "metrics.json").read_text())
    # Known of R's own `faithful`: waiting = 33.47 + 10.73 * eruptions.
    assert metrics["intercept"] == pytest.approx(33.4744, rel=1e-4)
    assert metrics["minutes_of_wait_per_minute_of_eruption"] == pytest.approx(10.7296, rel=1e-4)
    assert len(rows(results / "predictions.csv")) == metrics["rows"] == 272
    assert_good_plot(results / "fit.svg", circles=272)


def test_the_failing_example_says_what_is_wrong_and_keeps_what_it_had_done(tmp_path):
    done = run("failing", tmp_path)
    assert done.returncode == 1
    assert "Traceback" in done.stderr
    assert "data/cars.csv has no column 'mpg'" in done.stderr
    assert "Run with changes" in done.stderr
    assert [path.name for path in (tmp_path / "results").iterdir()] == ["weight.csv"]


def test_the_failing_example_succeeds_when_its_advice_is_followed(tmp_path):
    advice = run("failing", tmp_path).stderr
    arguments = advice.split("enter the arguments")[1].splitlines()[0].split()
    done = run("failing", tmp_path, *arguments)
    assert done.returncode == 0, done.stderr
    assert rows(tmp_path / "results" / "miles_per_gallon.csv")[0] == {
        "cylinders": "4",
        "average_miles_per_gallon": "26.66",
    }


def test_r_is_offered_only_where_it_is_found():
    python, r = Image({".py": ["python3"]}), Image({".R": ["Rscript"], ".r": ["Rscript"]})
    assert [example.slug for example in available_examples([python])] == ["python-model", "failing"]
    assert [example.slug for example in available_examples([r])] == ["r-model"]
    assert available_examples(iter([python, r])) == list(EXAMPLES)
    assert available_examples([]) == []


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda example: example.slug)
def test_an_example_is_complete_and_small(example):
    files = dict(example.files())
    assert example.entry in files
    assert any(path.startswith("data/") for path in files)
    assert sum(path.stat().st_size for path in files.values()) < 50_000
    assert example.description.endswith(".")
    assert find_example(example.slug) is example


def test_leftovers_of_a_local_run_are_no_part_of_an_example(tmp_path):
    example = EXAMPLES[0]
    shutil.copytree(example.folder, tmp_path / "copy")
    for name in ("results/fit.svg", "__pycache__/scatter.pyc", ".Rhistory", "data/.DS_Store"):
        (tmp_path / "copy" / name).parent.mkdir(exist_ok=True)
        (tmp_path / "copy" / name).write_text("x")
    copied = type(example)(**{**vars(example), "folder": tmp_path / "copy"})
    assert [path for path, _ in copied.files()] == [path for path, _ in example.files()]
