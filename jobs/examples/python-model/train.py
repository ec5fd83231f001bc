"""Predict a car's fuel economy from its weight and power: least squares, cross-validated.

Reads data/cars.csv (32 cars of 1973/74, from the magazine Motor Trend) and writes to results/:
predictions.csv, metrics.json, fit.svg and report.md.
"""

import argparse
import csv
import json
import os
import random
import sys
import time
from pathlib import Path

from least_squares import fit, predict
from scatter import scatter

FEATURES = ["weight", "horsepower"]
TARGET = "mpg"
BOLD, GREEN, BLUE, PLAIN = "\033[1m", "\033[32m", "\033[34m", "\033[0m"


def main():
    arguments = parse()
    sys.stdout.reconfigure(encoding="utf-8")
    results = Path(os.environ.get("STELLWERK_RESULTS", "results"))
    results.mkdir(parents=True, exist_ok=True)

    with open(arguments.data, newline="") as file:
        cars = list(csv.DictReader(file))
    rows = [[float(car[name]) for name in FEATURES] for car in cars]
    targets = [float(car[TARGET]) for car in cars]
    print(f"{BOLD}Read {len(cars)} cars{PLAIN} from {arguments.data}")

    coefficients = fit(rows, targets)
    guesses = cross_validate(rows, targets, arguments.folds)
    intervals = bootstrap(rows, targets, arguments.rounds, arguments.pause)
    metrics = measure(targets, guesses, coefficients, intervals, arguments)
    write(results, cars, targets, guesses, metrics)

    for name, figure in metrics["cross_validated"].items():
        print(f"  {name:<22}{BLUE}{figure:8.3f}{PLAIN}")
    print(f"{GREEN}Done{PLAIN}: wrote {', '.join(sorted(path.name for path in results.iterdir()))}")


def parse():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", default="data/cars.csv")
    parser.add_argument("--folds", type=int, default=8, help="parts of the cross-validation")
    parser.add_argument("--rounds", type=int, default=100, help="samples of the bootstrap")
    parser.add_argument("--pause", type=float, default=0.03, help="seconds after each sample, for watching")
    return parser.parse_args()


def cross_validate(rows, targets, folds):
    """A prediction for each car by a model that has not seen it."""
    order = list(range(len(rows)))
    random.Random(7).shuffle(order)
    guesses = [0.0] * len(rows)
    for fold in range(folds):
        left_out = set(order[fold::folds])
        kept = [i for i in order if i not in left_out]
        model = fit([rows[i] for i in kept], [targets[i] for i in kept])
        for i in left_out:
            guesses[i] = predict(model, rows[i])
        print(f"Fold {fold + 1} of {folds}: {len(kept)} cars to learn from, {len(left_out)} to predict")
    return guesses


def bootstrap(rows, targets, rounds, pause):
    """How far each coefficient moves when the cars are drawn anew: its 95 % interval."""
    draw = random.Random(11)
    found = []
    for done in range(1, rounds + 1):
        sample = draw.choices(range(len(rows)), k=len(rows))
        found.append(fit([rows[i] for i in sample], [targets[i] for i in sample]))
        show_progress("Bootstrap", done, rounds)
        time.sleep(pause)
    columns = [sorted(column) for column in zip(*found)]
    return [(column[int(0.025 * rounds)], column[int(0.975 * rounds)]) for column in columns]


def show_progress(label, done, total):
    """A bar that stays on its line: `\\r` goes back to the line's start."""
    filled = 30 * done // total
    bar = "█" * filled + "░" * (30 - filled)
    print(f"\r{label} {GREEN}{bar}{PLAIN} {100 * done // total:3d} %", end="", flush=True)
    if done == total:
        print()


def measure(targets, guesses, coefficients, intervals, arguments):
    mean = sum(targets) / len(targets)
    errors = [guess - target for guess, target in zip(guesses, targets)]
    squares = sum(error**2 for error in errors)
    return {
        "rows": len(targets),
        "target": TARGET,
        "features": FEATURES,
        "folds": arguments.folds,
        "cross_validated": {
            "r_squared": round(1 - squares / sum((target - mean) ** 2 for target in targets), 4),
            "rmse": round((squares / len(errors)) ** 0.5, 4),
            "mean_absolute_error": round(sum(map(abs, errors)) / len(errors), 4),
        },
        "coefficients": {
            name: {"value": round(value, 6), "low": round(low, 6), "high": round(high, 6)}
            for name, value, (low, high) in zip(["intercept", *FEATURES], coefficients, intervals)
        },
    }


def write(results, cars, targets, guesses, metrics):
    with open(results / "predictions.csv", "w", newline="") as file:
        table = csv.writer(file, lineterminator="\n")
        table.writerow(["car", TARGET, "predicted", "residual"])
        for car, target, guess in zip(cars, targets, guesses):
            table.writerow([car["car"], target, f"{guess:.2f}", f"{target - guess:.2f}"])
    (results / "metrics.json").write_text(json.dumps(metrics, indent=2) + "\n")
    points = [(t, g, car["cylinders"], car["car"]) for car, t, g in zip(cars, targets, guesses)]
    subtitle = (
        f"R² {metrics['cross_validated']['r_squared']:.2f}, each car predicted by a model that never saw it"
    )
    axes = ("Measured, miles per gallon", "Predicted, miles per gallon")
    plot = scatter(points, "Fuel economy from weight and power", subtitle, axes)
    (results / "fit.svg").write_text(plot, encoding="utf-8")
    (results / "report.md").write_text(report(cars, targets, guesses, metrics), encoding="utf-8")


def report(cars, targets, guesses, metrics):
    figures = metrics["cross_validated"]
    lines = [
        "# Fuel economy from weight and power",
        "",
        f"A linear model of **{metrics['rows']} cars** explains {figures['r_squared']:.0%} of how their fuel",
        f"economy differs; on average it is off by {figures['mean_absolute_error']:.1f} miles per gallon.",
        "",
        "| coefficient | value | 95 % interval |",
        "|---|---:|---:|",
    ]
    for name, c in metrics["coefficients"].items():
        lines.append(f"| {name} | {c['value']:.4g} | {c['low']:.4g} to {c['high']:.4g} |")
    lines += ["", "## Predicted worst", "", "| car | measured | predicted |", "|---|---:|---:|"]
    worst = sorted(zip(cars, targets, guesses), key=lambda each: -abs(each[1] - each[2]))
    lines += [f"| {car['car']} | {target:.1f} | {guess:.1f} |" for car, target, guess in worst[:5]]
    return "\n".join([*lines, ""])


if __name__ == "__main__":
    main()
