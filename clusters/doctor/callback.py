"""What the test pod's own last words mean, in sentences with what to do. Pure."""

from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

from clusters.doctor.lines import Fix, Line, Title

PYTHON, CALLBACK, CLOCK = (
    Title("runner_image", "Runner image"),
    Title("callback", "Pods reach the portal"),
    Title("clock", "Clocks"),
)
OLDEST_PYTHON = (3, 9)
MOST_SKEW_SECONDS = 30.0
_LOOPBACK = ("127.0.0.1", "localhost", "::1", "0.0.0.0")  # noqa: S104 (nothing is bound here)
_SETTING = "Set the portal's address for this cluster's jobs, or PORTAL_URL_FOR_JOBS for all."


def python_line(image: str, told: Mapping[str, Any], message: str) -> Line:
    """Whether the runner's image has the Python that the runner needs."""
    found = [part for part in told.get("python") or [] if isinstance(part, int)]
    name, needed = ".".join(map(str, found)), ".".join(map(str, OLDEST_PYTHON))
    if found and tuple(found) >= OLDEST_PYTHON:
        return PYTHON.passed(f"{image} has Python {name}.")
    has = f"Python {name}" if found else f"a python3 that does not run the runner ({message.strip()[-300:]})"
    return PYTHON.failed(
        f"The runner image {image} has {has}; Python {needed} or newer is needed. Enter another runner image, such as "
        "python:3.12-slim. The environments need no Python: only a POSIX shell."
    )


def clock_line(skew_seconds: float | None) -> Line:
    """`skew_seconds`: how far the pod's clock is ahead of the portal's."""
    if skew_seconds is None:
        return CLOCK.skipped("Not known: the test pod told no time.")
    if abs(skew_seconds) <= MOST_SKEW_SECONDS:
        return CLOCK.passed("The clocks of the node and of the portal agree.")
    way = "ahead of" if skew_seconds > 0 else "behind"
    return CLOCK.warned(
        f"The clock of the node is {abs(skew_seconds):.0f} s {way} the portal's: times of jobs would be wrong, and "
        "certificates and tokens may be refused. Let both machines follow a time server.",
        "timedatectl status",
        Fix.COMMAND,
    )


def callback_line(portal_url: str, told: Mapping[str, Any]) -> Line:
    """Why the pod did not reach the portal: its own words."""
    reason, detail = str(told.get("reason") or ""), str(told.get("detail") or "")
    url = urlsplit(portal_url)
    host = url.hostname or ""
    if host in _LOOPBACK and reason in ("refused", "timeout", "unroutable", "broken"):
        return CALLBACK.failed(
            f"The portal's address for jobs is {portal_url}, and in a pod {host} is the pod itself. Give an address of "
            "this machine that pods reach, and let the portal listen there.",
            "STELLWERK_BIND=0.0.0.0:8000 PORTAL_URL_FOR_JOBS=http://<this machine>:8000 make up",
            Fix.COMMAND,
        )
    sentence, fix = _WORDS.get(reason, _WORDS["broken"])
    words = f" It said: {detail}" if reason not in ("dns", "refused", "timeout") and detail else ""
    filled = sentence.format(url=portal_url, host=host, port=url.port or _port(url.scheme))
    if reason == "status":
        return _status_line(portal_url, host, detail)
    return CALLBACK.failed(filled + words, fix, Fix.TEXT if fix else Fix.NONE)


def elsewhere_line(portal_url: str) -> Line:
    """The pod was content and this portal heard nothing."""
    return CALLBACK.failed(
        f"The test pod got an answer from {portal_url}, but not from this portal: another one stands at this address.",
        _SETTING,
        Fix.TEXT,
    )


def _status_line(portal_url: str, host: str, detail: str) -> Line:
    status = detail.partition(" ")[0]
    if status == "400":
        return CALLBACK.failed(
            f"A pod reaches {portal_url}, but the portal does not answer to the name {host}. Add it to "
            "STELLWERK_ALLOWED_HOSTS and restart the portal.",
            f"STELLWERK_ALLOWED_HOSTS=127.0.0.1,localhost,{host} make up",
            Fix.COMMAND,
        )
    if status == "401":
        return CALLBACK.failed(
            f"A pod reaches {portal_url}, but the portal there does not know this visit: it is another one, or it has "
            "another SECRET_KEY.",
            _SETTING,
            Fix.TEXT,
        )
    return CALLBACK.failed(
        f"A pod reaches {portal_url}, but what answers there is not the portal ({detail[:200].strip()}): a proxy or a "
        "sign-in page stands between. Let pods pass it for paths under /intake/.",
        _SETTING,
        Fix.TEXT,
    )


def _port(scheme: str) -> int:
    return 443 if scheme == "https" else 80


# By the probe's reason (runner/probe.py): the sentence and what to do.
_WORDS = {
    "dns": (
        "A pod cannot find the name {host} (DNS): the cluster's DNS does not know it. Use an address that it knows, or "
        "a plain IP address.",
        _SETTING,
    ),
    "refused": (
        "A pod reaches {host}, but nothing listens on port {port} there (connection refused): the portal listens on "
        "another port or for this machine only.",
        "Start the portal with STELLWERK_BIND=0.0.0.0:<port> and put that address into PORTAL_URL_FOR_JOBS.",
    ),
    "timeout": (
        "A pod gets no answer from {host} port {port} (timeout): a firewall or a NetworkPolicy swallows it.",
        "Let the cluster's pods and nodes through to this port, and allow it as egress in the namespace.",
    ),
    "unroutable": (
        "There is no way from a pod to {host}: the cluster's network does not lead there.",
        _SETTING,
    ),
    "certificate": (
        "A pod does not trust the certificate of {url}. The runner image has to know its CA, the certificate has to be "
        "made out for {host}, and the node's clock has to be right.",
        "Use a certificate of a public CA, a runner image that has your CA, or an http:// address inside the network.",
    ),
    "tls": (
        "A pod reaches {url}, but no TLS connection comes about: does that port speak https?",
        _SETTING,
    ),
    "answer": (
        "A pod reaches {url}, but what answers there is not the portal: a proxy or a sign-in page stands between.",
        _SETTING,
    ),
    "broken": (
        "A pod does not get an answer from {url}.",
        _SETTING,
    ),
}
