"""Results so far: what is in results/ when the script asks for it comes to the portal while the script goes on.

The script asks by touching the file $STELLWERK_KEEP (results/.keep-now), as often as it likes.
"""

from __future__ import annotations

import os
import sys
import threading
from typing import Any

from runner.portal_client import PortalClient, PortalRefused, PortalUnreachable
from runner.results import KEEP_FILE, RESULTS, Inputs, Wanted, find_results
from runner.upload import SoFar, Uploader
from runner.volume import Volume

PAUSE_SECONDS = 2.0


class Keeper:
    """Looks for the wish and fulfils it, in a thread of its own from the first one on."""

    def __init__(self, client: PortalClient, volume: Volume, wanted: Wanted, uid: str) -> None:
        self._volume = volume
        self._wanted = Wanted(wanted.limits, wanted.run_as, wanted.rules, below=RESULTS + "/")
        self._uid = uid
        self._is_over = threading.Event()
        self._is_asked = threading.Event()
        self._client = client.twin(self._is_over.is_set)
        self._seen: tuple[int, int] | None = None
        self._thread: threading.Thread | None = None
        # What is listed as "so far": how the file looked before it was sent, and its facts.
        self._kept: dict[str, tuple[list[int], dict[str, Any]]] = {}
        # Of an earlier runner nobody knows here what it kept.
        self._is_first = not volume.has("sending")

    def look(self) -> None:
        """Cheap: called a few times a second while the script runs."""
        try:
            facts = os.lstat(self._volume.work_dir / KEEP_FILE)
        except OSError:
            return
        if (facts.st_ino, facts.st_mtime_ns) != self._seen:
            self._seen = (facts.st_ino, facts.st_mtime_ns)
            self._is_asked.set()
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="keep", daemon=True)
                self._thread.start()

    def end(self) -> None:
        """What is on its way ends; the results after the script's end take its place."""
        self._is_over.set()
        self._is_asked.set()
        if self._thread is not None:
            self._thread.join()
            self._client.close()

    def _run(self) -> None:
        while True:
            self._is_asked.wait()
            if self._is_over.is_set():
                return
            self._is_asked.clear()
            try:
                self._keep()
            except (PortalRefused, PortalUnreachable, OSError) as error:
                sys.stderr.write(f"Results so far were not kept: {error}\n")
            self._is_over.wait(PAUSE_SECONDS)

    def _keep(self) -> None:
        self._volume.mark("sending")
        found = find_results(self._volume.work_dir, Inputs({}, {}), self._wanted)
        uploader = Uploader(self._client, self._volume.work_dir, found, self._wanted.run_as)
        kept = {path: facts for path, (_, facts) in self._kept.items()}
        uploader.so_far = SoFar(kept, is_all=self._is_first)
        looks = {path: look for path in found.files if (look := self._look(path))}
        try:
            for path, look in looks.items():
                before, facts = self._kept.get(path, ([], {}))
                if before == look:
                    uploader.results[path] = facts
                else:
                    uploader.send(path)
            self._tell(uploader)
        finally:
            uploader.close()
        stay = {path: known for path, known in self._kept.items() if path in uploader.unsent}
        self._kept = stay | {path: (looks[path], facts) for path, facts in uploader.results.items()}

    def _tell(self, uploader: Uploader) -> None:
        try:
            self._client.post("/intake/kept", self._facts(uploader))
        except PortalRefused as refusal:
            if refusal.status != 409 or "missing" not in refusal.facts:
                raise
            for path in refusal.facts["missing"]:
                if path in uploader.results:
                    uploader.send(path)
            self._client.post("/intake/kept", self._facts(uploader))

    def _facts(self, uploader: Uploader) -> dict[str, Any]:
        """`changing`: still there and not brought whole; what was kept of them before stays."""
        changing = sorted(path for path in uploader.unsent if self._look(path))
        return {"uid": self._uid, "results": list(uploader.results.values()), "changing": changing}

    def _look(self, path: str) -> list[int] | None:
        """What changes when the file's content does."""
        try:
            facts = os.lstat(self._volume.work_dir / path)
        except OSError:
            return None
        return [facts.st_ino, facts.st_size, facts.st_mtime_ns, facts.st_ctime_ns]
