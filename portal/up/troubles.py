"""What can keep the portal from starting: one clear sentence each, no traceback."""

from pathlib import Path


class Trouble(Exception):  # noqa: N818 (the word the whole package uses)
    """Something a person can act on; its text is one sentence that says what happened and what to do."""


class BadAddress(Trouble):
    def __init__(self, bind: str) -> None:
        super().__init__(
            f"STELLWERK_BIND is “{bind}”, but an address and a port are needed, for example 127.0.0.1:8000."
        )


class BusyPort(Trouble):
    def __init__(self, host: str, port: int) -> None:
        super().__init__(
            f"Port {port} on {host} is used by another program; choose another one: "
            f"STELLWERK_BIND={_shown_host(host)}:{port + 1} make up"
        )


class AddressRefused(Trouble):
    def __init__(self, host: str, port: int, why: str) -> None:
        super().__init__(
            f"The portal may not listen on {_shown_host(host)}:{port} ({why}); choose another address: "
            "STELLWERK_BIND=127.0.0.1:8001 make up"
        )


class AlreadyRunning(Trouble):
    def __init__(self, home: Path, pid: str) -> None:
        who = f"process {pid}" if pid else "another process"
        super().__init__(
            f"Stellwerk already runs on {home} ({who}); stop it first, "
            "or choose another home: STELLWERK_HOME=<folder> make up"
        )


class DiskFull(Trouble):
    def __init__(self, where: Path, needed_mib: int) -> None:
        super().__init__(
            f"The disk that holds {where} is full: Stellwerk needs {needed_mib} MB free there; "
            "free some space and start again, nothing is lost."
        )


class HomeNotWritable(Trouble):
    def __init__(self, home: Path, why: str) -> None:
        self.why = why
        super().__init__(
            f"Stellwerk cannot write to its home {home} ({why}); "
            "choose another one: STELLWERK_HOME=<folder> make up"
        )


class OtherPostgresVersion(Trouble):
    def __init__(self, data: Path, found: str, expected: str) -> None:
        super().__init__(
            f"The database in {data} was made by PostgreSQL {found}, this Stellwerk brings {expected}; "
            f"start the older Stellwerk and dump it, or move {data} away to start with an empty database."
        )


class Unreachable(Trouble):
    def __init__(self, variable: str, why: str) -> None:
        super().__init__(
            f"{variable} is set, but nothing usable answers there ({why}); "
            f"start that server, correct {variable}, or unset it to use the embedded one."
        )


class MissingBinary(Trouble):
    def __init__(self, package: str) -> None:
        super().__init__(
            f"The package {package} is not installed for this Python and machine; "
            "install everything anew: make clean up"
        )


class StepFailed(Trouble):
    def __init__(self, step: str, last_line: str, log: Path) -> None:
        super().__init__(f"{step} failed: {last_line or 'no message'} (all of it: {log})")


class KeepsDying(Trouble):
    def __init__(self, name: str, log: Path, last_lines: list[str]) -> None:
        tail = "".join(f"\n    {line}" for line in last_lines)
        super().__init__(f"{name} does not start; the last lines of {log} say why:{tail}")


def _shown_host(host: str) -> str:
    return f"[{host}]" if ":" in host else host
