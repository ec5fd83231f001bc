"""axe's judgement of a page."""

from axe_playwright_python.sync_playwright import Axe


def serious(page):
    """What it holds to be serious or critical: the rule and where it is broken."""
    found = Axe().run(page).response["violations"]
    return [
        (violation["id"], [node["target"] for node in violation["nodes"]])
        for violation in found
        if violation["impact"] in ("serious", "critical")
    ]
