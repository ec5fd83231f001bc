"""Kubernetes' way to write amounts: "500m", "64Gi", "1e3".

https://kubernetes.io/docs/reference/kubernetes-api/common-definitions/quantity/
"""

import re

_FORM = re.compile(r"([+-]?[0-9]*\.?[0-9]+(?:[eE][+-]?[0-9]+)?)(|m|u|n|[kMGTPE]|[KMGTPE]i)")
_UNITS = {"": 1.0, "m": 1e-3, "u": 1e-6, "n": 1e-9}
_UNITS |= {unit: 1000.0**power for power, unit in enumerate("kMGTPE", 1)}
_UNITS |= {f"{unit}i": 1024.0**power for power, unit in enumerate("KMGTPE", 1)}


def number(quantity: str) -> float | None:
    """The plain number: cores, bytes, pieces. None for what is no quantity."""
    found = _FORM.fullmatch(quantity.strip())
    return float(found[1]) * _UNITS[found[2]] if found else None
