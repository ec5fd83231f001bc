"""Average weight and fuel economy by number of cylinders.

This example fails: the column that it reads was renamed in the file. What it prints says how to mend it.
"""

import argparse
import csv
import os
from pathlib import Path


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", default="data/cars.csv")
    parser.add_argument("--column", default="mpg", help="the column with the fuel economy")
    arguments = parser.parse_args()
    results = Path(os.environ.get("STELLWERK_RESULTS", "results"))
    results.mkdir(parents=True, exist_ok=True)

    with open(arguments.data, newline="") as file:
        cars = list(csv.DictReader(file))
    print(f"Read {len(cars)} cars from {arguments.data}")

    for column in ("weight", arguments.column):
        averages = average_by_cylinders(cars, column, arguments.data)
        target = results / f"{column}.csv"
        with open(target, "w", newline="") as file:
            table = csv.writer(file, lineterminator="\n")
            table.writerows([["cylinders", f"average_{column}"], *averages])
        print(f"Wrote {target.name}")


def average_by_cylinders(cars, column, source):
    """Pairs of cylinders and average, sorted. MissingColumn: the file has no such column."""
    if column not in cars[0]:
        raise MissingColumn(column, list(cars[0]), source)
    groups = {}
    for car in cars:
        groups.setdefault(int(car["cylinders"]), []).append(float(car[column]))
    return [[cylinders, round(sum(each) / len(each), 2)] for cylinders, each in sorted(groups.items())]


class MissingColumn(Exception):
    """Says what was looked for, what is there, and what to do."""

    def __init__(self, column, columns, source):
        super().__init__(
            f"{source} has no column {column!r}.\n"
            "\n"
            f"  Its columns: {', '.join(columns)}.\n"
            "  What to do: choose 'Run with changes' and enter the arguments  --column miles_per_gallon\n"
            "  What is kept: weight.csv was written before the error, see the results."
        )


if __name__ == "__main__":
    main()
