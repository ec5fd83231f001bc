"""Kubernetes' way to write amounts, read exactly: 100m, 1.5, 2Gi, 1e3, 12E.

The grammar: https://kubernetes.io/docs/reference/kubernetes-api/common-definitions/quantity/
"""

import math
import re
from decimal import Decimal
from fractions import Fraction

_QUANTITY = re.compile(r"([+-]?(?:\d+\.?\d*|\.\d+))(?:([numkMGTPE]|[KMGTPE]i)|[eE]([+-]?\d{1,2}))?", re.ASCII)
_DECIMAL = {"n": -9, "u": -6, "m": -3, "k": 3, "M": 6, "G": 9, "T": 12, "P": 15, "E": 18}
_BINARY = {"Ki": 1, "Mi": 2, "Gi": 3, "Ti": 4, "Pi": 5, "Ei": 6}
LONGEST = 64


def quantity(text: str | int | float) -> Fraction:
    """The amount. Raises ValueError for what is none."""
    match = _QUANTITY.fullmatch(str(text))
    if match is None or len(str(text)) > LONGEST:
        raise ValueError(f"{str(text)[:LONGEST]!r} is no amount as Kubernetes writes them.")
    number, suffix, exponent = Fraction(Decimal(match[1])), match[2] or "", match[3]
    if suffix in _BINARY:
        return number * 1024 ** _BINARY[suffix]
    return number * Fraction(10) ** (int(exponent) if exponent else _DECIMAL.get(suffix, 0))


def number(text: str) -> float | None:
    """The plain number: cores, bytes, pieces. None for what is no amount."""
    try:
        return float(quantity(text.strip()))
    except ValueError:
        return None


def whole(amount: Fraction) -> int:
    """Of what is there, what is surely there: rounded down."""
    return math.floor(amount)


def at_most(amount: Fraction) -> int:
    """Of what is taken, as much as it can be: rounded up."""
    return math.ceil(amount)
