"""What every driver must keep. A driver's test module inherits DriverContract and gives it a fixture `lab`.

`lab` is a tests.clusters.driver_lab.Lab: a driver, an intake that its pods can reach, and a way for scripts to
bear witness.
"""

from concurrent.futures import ThreadPoolExecutor

import pytest

from clusters.driver import LABEL_INSTALLATION, ClusterRefused, NameTaken, State, WorkInvalid


class DriverContract:
    def test_a_script_runs_once_and_its_end_is_seen_with_its_exit_code(self, lab):
        run = lab.run(["sh", "-c", f"echo hello; {lab.say('ran')}; exit 3"])
        seen = lab.until_ended(run)
        assert (seen.state, seen.exit_code, seen.reason) == (State.ENDED, 3, "")
        assert seen.uid == run.attempt.uid
        assert dict(seen.labels) == dict(run.work.labels)
        assert run.attempt.output["stdout"] == b"hello\n"
        assert lab.witnessed() == ["ran"]

    def test_a_second_create_adopts_the_first(self, lab):
        run = lab.run(["sh", "-c", f"{lab.say('ran')}"])
        lab.driver.create(run.work)
        lab.until_ended(run)
        lab.driver.create(run.work)
        assert lab.driver.look(run.work.name).state is State.ENDED
        assert lab.witnessed() == ["ran"]
        assert run.attempt.claims == [run.attempt.uid]

    def test_a_name_with_other_labels_is_taken_and_left_alone(self, lab):
        run = lab.run(["true"])
        with pytest.raises(NameTaken):
            lab.driver.create(
                lab.work(run.work.name, run.work.token, {**run.work.labels, "stellwerk/job": "99"})
            )
        assert lab.until_ended(run).exit_code == 0

    def test_an_impossible_name_is_the_users_to_mend(self, lab):
        with pytest.raises(WorkInvalid):
            lab.driver.create(lab.work("../up", "token"))

    def test_a_running_script_is_seen_running_and_stops_when_told(self, lab):
        run = lab.run(["sh", "-c", "echo up; exec sleep 60"])
        lab.intake.wait(lambda: run.attempt.output["stdout"] == b"up\n")
        lab.until(State.RUNNING, run)
        lab.driver.stop(run.work.name)
        lab.driver.stop(run.work.name)
        seen = lab.until_ended(run)
        assert seen.reason == "stopped"
        assert run.attempt.ended[0]["reason"] == "stopped"
        lab.driver.stop(run.work.name)
        assert lab.driver.look(run.work.name) == seen

    def test_a_script_that_ignores_the_stop_is_killed_after_its_grace(self, lab):
        run = lab.run(["sh", "-c", "trap '' TERM; echo up; while :; do sleep 0.1; done"], grace_seconds=1)
        lab.intake.wait(lambda: run.attempt.output["stdout"] == b"up\n")
        lab.driver.stop(run.work.name)
        lab.until_ended(run)
        assert run.attempt.ended[0]["signal"] == 9

    def test_creates_at_the_same_moment_make_one_work(self, lab):
        run = lab.prepare(["sh", "-c", lab.say("ran")])
        with ThreadPoolExecutor(4) as pool:
            list(pool.map(lambda _: lab.driver.create(run.work), range(4)))
        assert lab.until_ended(run).exit_code == 0
        assert [seen.name for seen in lab.driver.observe()] == [run.work.name]
        assert lab.witnessed() == ["ran"]

    def test_a_create_after_a_stop_does_not_begin_it_again(self, lab):
        run = lab.run(["sh", "-c", f"{lab.say('ran')}; echo up; exec sleep 60"])
        lab.intake.wait(lambda: run.attempt.output["stdout"] == b"up\n")
        lab.driver.stop(run.work.name)
        lab.driver.create(run.work)
        seen = lab.until_ended(run)
        lab.driver.create(run.work)
        assert lab.driver.look(run.work.name) == seen
        assert lab.witnessed() == ["ran"]

    def test_a_create_that_arrives_after_its_work_was_removed_starts_nothing(self, lab):
        run = lab.run(["sh", "-c", lab.say("ran")])
        lab.until_ended(run)
        lab.driver.remove(run.work.name)
        lab.driver.create(run.work)
        seen = lab.until_ended(run)
        assert (seen.exit_code, seen.reason) == (None, "refused")
        assert lab.witnessed() == ["ran"]

    def test_a_refused_claim_starts_nothing(self, lab):
        run = lab.run(["sh", "-c", f"{lab.say('ran')}"], cancelled=True)
        seen = lab.until_ended(run)
        assert (seen.exit_code, seen.reason) == (None, "refused")
        assert lab.witnessed() == []

    def test_what_is_missing_is_stopped_and_removed_already(self, lab):
        lab.driver.stop("sw-nothing-1-1")
        lab.driver.remove("sw-nothing-1-1")
        assert lab.driver.look("sw-nothing-1-1") is None

    def test_an_ended_work_is_removed_and_a_running_one_is_not(self, lab):
        run = lab.run(["sleep", "60"])
        lab.intake.wait(lambda: run.attempt.started)
        with pytest.raises(ClusterRefused):
            lab.driver.remove(run.work.name)
        lab.driver.stop(run.work.name)
        lab.until_ended(run)
        lab.driver.remove(run.work.name)
        lab.driver.remove(run.work.name)
        assert lab.driver.look(run.work.name) is None
        assert lab.driver.observe() == []

    def test_ended_works_are_removed_together_or_left_to_be_removed_alone(self, lab):
        runs = [lab.run(["true"]) for _ in range(3)]
        for run in runs:
            lab.until_ended(run)
        first, second, third = (run.work.name for run in runs)
        gone = lab.driver.remove_ended([first, second, "sw-nothing-1-1"])
        assert gone in ({first, second}, set())
        for name in {first, second} - gone:
            lab.driver.remove(name, is_ended=True)
        assert [seen.name for seen in lab.driver.observe()] == [third]

    def test_only_the_works_of_this_installation_are_observed(self, lab):
        mine = lab.run(["true"])
        other = lab.run(["true"], labels={LABEL_INSTALLATION: "somebody-else"})
        lab.intake.wait(lambda: mine.attempt.is_collected and other.attempt.is_collected)
        assert [seen.name for seen in lab.driver.observe()] == [mine.work.name]
        assert lab.driver.look(other.work.name) is None
