"""Label and field selectors as the API server reads them, and the merge of a patch."""

import re
from typing import Any

from tests.clusters.fake_api.store import Object

_IN = re.compile(r"(\S+)\s+(in|notin)\s+\(([^)]*)\)")
# Commas between requirements, not those inside of parentheses.
_COMMA = re.compile(r",(?![^(]*\))")


def selects(label_selector: str, field_selector: str, item: Object) -> bool:
    labels = item["metadata"].get("labels") or {}
    wanted = [each.strip() for each in _COMMA.split(label_selector) if each.strip()]
    return all(_fits(each, labels) for each in wanted) and _fits_fields(field_selector, item)


def merged(target: Any, patch: Any) -> Any:
    """JSON merge patch, RFC 7386."""
    if not isinstance(patch, dict):
        return patch
    result = dict(target) if isinstance(target, dict) else {}
    for name, value in patch.items():
        if value is None:
            result.pop(name, None)
        else:
            result[name] = merged(result.get(name), value)
    return result


def _fits(requirement: str, labels: dict[str, str]) -> bool:
    if match := _IN.fullmatch(requirement):
        values = [each.strip() for each in match[3].split(",")]
        return (labels.get(match[1]) in values) == (match[2] == "in")
    for sign, is_equal in (("!=", False), ("==", True), ("=", True)):
        if sign in requirement:
            name, _, value = requirement.partition(sign)
            return (labels.get(name) == value) == is_equal
    return requirement[1:] not in labels if requirement.startswith("!") else requirement in labels


def _fits_fields(selector: str, item: Object) -> bool:
    for each in filter(None, selector.split(",")):
        path, is_other, value = each.partition("!=") if "!=" in each else each.partition("=")
        found: Any = item
        for step in path.split("."):
            found = found.get(step) if isinstance(found, dict) else None
        if (str(found or "") == value) == (is_other == "!="):
            return False
    return True
