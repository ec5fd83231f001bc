"""One cluster, one portal and its people for all benches of a run."""

from contextlib import ExitStack

from tests.bench.kubernetes.ground import Ground
from tests.bench.kubernetes.portal import CODE, BenchPortal, Presser

PATIENCE = 300
TERMINAL = ("succeeded", "failed")


class Stage:
    """Use it as a context."""

    def __enter__(self) -> "Stage":
        with ExitStack() as stack:
            self.ground = stack.enter_context(Ground())
            self.bare_arm, our_arm = self.ground.arm("bare"), self.ground.arm("ours")
            self.portal = stack.enter_context(BenchPortal(self.ground, our_arm))
            self.people: list[Presser] = self.portal.visitors()
            self._templates: dict[str, int] = {}
            self._stack = stack.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def template(self, profile: str) -> int:
        """A job of this profile that was sent with the real form; the others are pressed from it with “Run again”."""
        if profile not in self._templates:
            person = self.people[0]
            path = person.new_form()
            value = person.profile(path, profile)
            self._templates[profile] = job_id = person.send_form(path, CODE, profile=value)
            # One that runs for an hour is not waited for.
            if profile != "long":
                assert person.wait_until_finished(job_id, PATIENCE) in TERMINAL
        return self._templates[profile]
