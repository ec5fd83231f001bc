"""A cluster of which a test says what happens. Kept honest by tests/clusters/test_fake_driver.py."""

import itertools
import threading
import time
from dataclasses import replace

from clusters.driver import (
    LABEL_INSTALLATION,
    ClusterRefused,
    Explained,
    NameTaken,
    Seen,
    State,
    Work,
    WorkInvalid,
)
from clusters.local_volumes import is_plain_name


class FakeDriver:
    """Works stay as they are made until the test moves them with `show`, or lets them vanish."""

    def __init__(self, installation: str) -> None:
        self.installation = installation
        self.works: dict[str, Work] = {}
        self.seen: dict[str, Seen] = {}
        self.calls: list[tuple[str, str]] = []
        self.troubles: dict[str, list[Exception]] = {}
        self.explained: dict[str, Explained] = {}
        self.removes_together = False
        self.warnings: set[str] | None = None
        self._uids, self._making = itertools.count(1), threading.Lock()

    def create(self, work: Work) -> None:
        self._call("create", work.name)
        if not is_plain_name(work.name):
            raise WorkInvalid(f"{work.name!r} is no name.")
        with self._making:
            if work.name in self.works:
                if dict(self.works[work.name].labels) != dict(work.labels):
                    raise NameTaken(f"{work.name} is somebody else's.")
                return
            self.works[work.name] = work
            uid = f"uid-{next(self._uids)}"
            self.seen[work.name] = Seen(work.name, dict(work.labels), uid, State.PENDING)
        self.begin(work)

    def stop(self, name: str, space: str = "") -> None:
        self._call("stop", name)
        if name in self.seen and self.seen[name].state is not State.ENDED:
            self.end(name)

    def remove(self, name: str, space: str = "", *, is_ended: bool = False) -> None:
        self._call("remove", name)
        if name in self.seen and self.seen[name].state is not State.ENDED:
            raise ClusterRefused(f"{name} has not ended.")
        self.vanish(name)

    def remove_ended(self, names, space: str = "") -> set[str]:
        """One by one, unless the test lets it remove many together."""
        if not self.removes_together:
            return set()
        self._call("remove_ended", " ".join(sorted(names)))
        gone = {name for name in names if name in self.seen and self.seen[name].state is State.ENDED}
        for name in gone:
            self.vanish(name)
        return gone

    def warned(self, space: str = "") -> set[str] | None:
        """None unless the test says of whom there are warnings."""
        if self.warnings is None:
            return None
        self._call("warned", space)
        return self.warnings

    def observe(self) -> list[Seen]:
        self._call("observe", "")
        return [seen for seen in self.seen.values() if self._is_mine(seen)]

    def close(self) -> None:
        pass

    def wait(self, seconds: float) -> None:
        time.sleep(min(seconds, 0.4))

    def look(self, name: str, space: str = "") -> Seen | None:
        self._call("look", name)
        seen = self.seen.get(name)
        return seen if seen and self._is_mine(seen) else None

    def explain(self, name: str, space: str = "", age: float = 0.0) -> Explained | None:
        self._call("explain", name)
        return self.explained.get(name)

    # What a test does

    def show(self, name: str, state: State, **facts) -> None:
        """From now on the work is seen like this."""
        self.seen[name] = replace(self.seen[name], state=state, **facts)

    def vanish(self, name: str) -> None:
        self.works.pop(name, None)
        self.seen.pop(name, None)

    def fail(self, method: str, *errors: Exception) -> None:
        """The next calls of the method raise these, one each."""
        self.troubles.setdefault(method, []).extend(errors)

    def called(self, method: str) -> list[str]:
        """The names that the method was called with."""
        return [name for called, name in self.calls if called == method]

    # What a pod would do; a fake that has pods overrides these

    def begin(self, work: Work) -> None:
        """The work was made."""

    def end(self, name: str) -> None:
        """The work was told to stop."""

    def _call(self, method: str, name: str) -> None:
        self.calls.append((method, name))
        if self.troubles.get(method):
            raise self.troubles[method].pop(0)

    def _is_mine(self, seen: Seen) -> bool:
        return seen.labels[LABEL_INSTALLATION] == self.installation
