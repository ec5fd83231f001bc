"""The stages as containers of a Kubernetes pod: they meet in its volume, the script runs beside them."""

from __future__ import annotations

import sys
import time
from collections.abc import Mapping
from pathlib import Path

from runner.collect import Collector
from runner.delivery import Delivery
from runner.fetch import REFUSED_EXIT, ClaimRefused, InputsBroken, claim, fetch_inputs
from runner.portal_client import PortalClient, PortalRefused, PortalUnreachable
from runner.volume import Volume

_DEADLINE_SECONDS = 3600.0


def fetch(root: Path, environment: Mapping[str, str]) -> int:
    """Claim and bring the files: 0, 86 when the claim was refused, 1 when the files cannot be brought."""
    volume = Volume(root)
    try:
        client = _client(environment)
        answer = claim(client, volume, environment["STELLWERK_POD_UID"])
        fetch_inputs(client, volume, answer.get("files", []), None)
        (volume.work_dir / "results").mkdir(exist_ok=True)
    except ClaimRefused as refused:
        sys.stderr.write(f"{refused}\n")
        return REFUSED_EXIT
    except (InputsBroken, PortalRefused, PortalUnreachable, OSError) as error:
        sys.stderr.write(f"The script was not started: {error}\n")
        return 1
    return 0


def collect(root: Path, environment: Mapping[str, str]) -> int:
    """Ship until ended.json appears in the volume, then the rest: 0 when the portal has everything."""
    volume = Volume(root)
    answer = volume.read("claim")
    if answer is None:
        sys.stderr.write("There is no granted claim in the volume.\n")
        return 1
    client = _client(environment)
    collector = Collector(client, volume, answer, environment["STELLWERK_POD_UID"], None)
    delivery = Delivery(volume, collector)
    delivery.begin(lambda: None)
    while not volume.has("ended"):
        time.sleep(0.2)
    ended = volume.read("ended") or {}
    client.deadline = time.monotonic() + _DEADLINE_SECONDS
    delivery.join()
    client.give_up = lambda: False
    return 0 if delivery.finish(ended, {}) else 1


def _client(environment: Mapping[str, str]) -> PortalClient:
    url, token = environment["STELLWERK_PORTAL_URL"], environment["STELLWERK_TOKEN"]
    return PortalClient(url, token, time.monotonic() + _DEADLINE_SECONDS)
