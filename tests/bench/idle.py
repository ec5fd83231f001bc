"""What all processes hold together when nobody does anything."""

import time
from collections.abc import Iterator

from tests.bench import memory
from tests.bench.report import Figure, at_most
from tests.up.portal_process import PortalProcess
from tests.visitor import Visitor

SETTLE_SECONDS = 20


def measure() -> Iterator[Figure]:
    """After a visit and a job, so that everything that is loaded late is loaded."""
    with PortalProcess() as portal:
        visitor = Visitor(portal.url).sign_in("admin", portal.admin_password or "")
        visitor.wait_until_finished(visitor.send_form(visitor.new_form(), "print('hello')"))
        time.sleep(SETTLE_SECONDS)
        parts, all_resident = memory.proportional(portal), memory.resident(portal)
    yield at_most(
        "idle", "all processes together (PSS)", sum(parts.values()), "MB", 600, "after a visit and a job"
    )
    yield Figure("idle", "the same as RSS", all_resident, "MB", note="shared pages counted in each process")
    for name, value in parts.items():
        yield Figure("idle", f"  {name}", value, "MB")
