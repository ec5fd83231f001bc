"""What the processes of a portal hold in memory."""

from pathlib import Path

from tests.up.portal_process import NAMES, PortalProcess

MB_OF_KIB = 1024 / 1_000_000


def proportional(portal: PortalProcess) -> dict[str, float]:
    """MB by part: PSS, in which a page that several processes share counts once; children go with their part."""
    return {
        name: sum(_rollup(pid, "Pss:") for pid in _family(portal.pid(name))) * MB_OF_KIB
        for name in ("supervisor", *NAMES)
    }


def resident(portal: PortalProcess) -> float:
    """MB of RSS, in which shared pages count in every process."""
    return sum(_rollup(pid, "Rss:") for pid in _pids(portal)) * MB_OF_KIB


def peaks(portal: PortalProcess) -> dict[int, tuple[str, float]]:
    """The highest RSS so far (VmHWM) in MiB of every process, with its part's name."""
    found = {}
    for name in ("supervisor", *NAMES):
        for pid in _family(portal.pid(name)):
            found[pid] = (name, _peak(pid) / 1024)
    return found


def forget_peaks(portal: PortalProcess) -> None:
    """Let the kernel count the peaks anew from what is resident now (clear_refs, see proc(5))."""
    for pid in _pids(portal):
        Path(f"/proc/{pid}/clear_refs").write_text("5")


def _pids(portal: PortalProcess) -> list[int]:
    return [pid for name in ("supervisor", *NAMES) for pid in _family(portal.pid(name))]


def _family(pid: int) -> list[int]:
    """The process with its children; the supervisor alone: its children have names of their own."""
    if b"manage.py\0up\0" in Path(f"/proc/{pid}/cmdline").read_bytes():
        return [pid]
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return [pid, *(found for child in children for found in _family(int(child)))]


def _rollup(pid: int, field: str) -> int:
    lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith(field))


def _peak(pid: int) -> int:
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM:"))
