"""Can the portal speak to the API server: may it, does somebody answer, is it the right one, does it know us?"""

import errno
import socket
import ssl
from collections.abc import Iterator
from datetime import timedelta
from urllib.parse import urlsplit

from django.utils import timezone

from clusters.doctor import wire
from clusters.doctor.ground import Ground
from clusters.doctor.lines import Fix, Level, Line, Title
from clusters.driver import ClusterRefused, DriverError
from clusters.kubernetes import onboarding
from clusters.kubernetes.api import ApiRefused
from clusters.models import Authentication, KubernetesConnection

ADDRESS, TLS, CREDENTIALS = (
    Title("address", "Address"),
    Title("tls", "TLS"),
    Title("credentials", "Credentials"),
)
TITLES = (ADDRESS, TLS, CREDENTIALS)
WARN_BEFORE = timedelta(days=14)
# OpenSSL's words, X509_V_ERR_…: include/openssl/x509_vfy.h
NOT_YET_VALID, EXPIRED, WRONG_NAME, WRONG_ADDRESS = 9, 10, 62, 64
_NOT_LOOKED = "Not looked at: the API server was not reached."


class NotReached(Exception):
    """The rest of a visit needs what is missing here."""


def reach(ground: Ground) -> Iterator[Line]:
    """Three lines. Raises NotReached after them where nothing else can be looked at."""
    row = ground.row
    try:
        _version(ground)
    except ApiRefused as refused:
        yield from _answered(row)
        if refused.status == 401:
            yield _unknown(row)
        else:
            yield CREDENTIALS.failed(f"The API server refuses the simplest question, its version: {refused}")
        raise NotReached from refused
    except DriverError as trouble:
        yield from _without_answer(row, trouble)
        raise NotReached from trouble
    yield from _answered(row)
    line = _credentials(ground)
    yield line
    if line.level is Level.FAIL:
        raise NotReached


def _version(ground: Ground) -> None:
    ground.check_time()
    ground.version = str(ground.api.get("/version").get("gitVersion") or "")


def _answered(row: KubernetesConnection) -> Iterator[Line]:
    by = "the CA given for this cluster" if row.ca else "a CA that this machine trusts"
    yield ADDRESS.passed(f"{row.server} answers." if row.server else "The API server answers.")
    yield TLS.passed(f"The certificate fits the address and is signed by {by}.")


def _without_answer(row: KubernetesConnection, trouble: DriverError) -> Iterator[Line]:
    """Looks for itself where it fails: on the wire, in TLS, or after it."""
    if isinstance(trouble, ClusterRefused) and not _is_of_tls(trouble):
        # Not allowed to be there, or no credentials could be made: nothing was sent, and nothing is sent now.
        if row.authentication in (Authentication.EKS, Authentication.IN_CLUSTER):
            yield from (
                ADDRESS.skipped(_NOT_LOOKED),
                TLS.skipped(_NOT_LOOKED),
                CREDENTIALS.failed(str(trouble)),
            )
        else:
            yield from (
                ADDRESS.failed(str(trouble)),
                TLS.skipped(_NOT_LOOKED),
                CREDENTIALS.skipped(_NOT_LOOKED),
            )
        return
    found = wire.try_out(*_place(row), row.ca, row.tls_server_name)
    if isinstance(found, ssl.SSLError):
        yield ADDRESS.passed(f"Somebody answers at {row.server}.")
        yield _tls_trouble(row, found)
    else:
        yield _address_trouble(row, trouble, found)
        yield TLS.skipped(_NOT_LOOKED)
    yield CREDENTIALS.skipped(_NOT_LOOKED)


def _is_of_tls(trouble: BaseException) -> bool:
    cause: BaseException | None = trouble
    while cause is not None:
        if isinstance(cause, ssl.SSLError) or isinstance(getattr(cause, "reason", None), ssl.SSLError):
            return True
        cause = cause.__cause__ or cause.__context__
    return False


def _address_trouble(row: KubernetesConnection, trouble: DriverError, found: OSError | None) -> Line:
    """Without a trouble on the wire it comes after it: the answer does not come, or is none of an API server."""
    host, port = _place(row)
    values = {"server": row.server, "host": host, "port": port, "place": _joined(host, port)}
    if found is None and "timed out" not in str(trouble):
        return ADDRESS.failed(str(trouble))
    for kinds, sentence, fix in _SILENCES:
        if any(_is_of(found, kind) for kind in kinds):
            return ADDRESS.failed(sentence.format(**values), fix.format(**values), Fix.COMMAND)
    return ADDRESS.failed(str(trouble))


def _is_of(found: OSError | None, kind: type[OSError] | int | None) -> bool:
    """`kind`: a type, the number of an OSError, or None for no trouble on the wire."""
    if isinstance(kind, type):
        return isinstance(found, kind)
    return found is None if kind is None else found is not None and found.errno == kind


def _tls_trouble(row: KubernetesConnection, error: ssl.SSLError) -> Line:
    host, port = _place(row)
    show = f"openssl s_client -connect {_joined(host, port)} -servername {row.tls_server_name or host} </dev/null"
    code = getattr(error, "verify_code", None)
    words = getattr(error, "verify_message", "") or error.reason or str(error)
    if code in (WRONG_NAME, WRONG_ADDRESS):
        return TLS.failed(
            f"The certificate is trusted, but it is not made out for {row.tls_server_name or host}. Use a name that "
            "is in it as API address, or enter one of its names as TLS server name. The command shows its names.",
            f"{show} | openssl x509 -noout -ext subjectAltName",
            Fix.COMMAND,
        )
    if code in (EXPIRED, NOT_YET_VALID):
        state = "has expired" if code == EXPIRED else "is not valid yet (or this machine's clock is slow)"
        return TLS.failed(
            f"The certificate of the API server, or its CA, {state}. The cluster's admin has to renew it; the command "
            "shows its dates.",
            f"{show} | openssl x509 -noout -dates",
            Fix.COMMAND,
        )
    if isinstance(error, ssl.SSLCertVerificationError):
        return TLS.failed(
            f"The certificate is not signed by the CA that is given for this cluster ({words}). Enter the CA that the "
            "command prints; where that is the same, somebody stands between the portal and the cluster.",
            "kubectl config view --raw --minify --flatten "
            "-o jsonpath='{.clusters[0].cluster.certificate-authority-data}' | base64 -d",
            Fix.COMMAND,
        )
    return TLS.failed(
        f"What answers at {_joined(host, port)} does not speak TLS as an API server does ({words}). Is the port right, "
        "or is there a proxy between?",
        show,
        Fix.COMMAND,
    )


def _credentials(ground: Ground) -> Line:
    row = ground.row
    try:
        name = _name(ground)
    except ApiRefused as refused:
        if refused.status == 401:
            return _unknown(row)
        name = ""
    who = f"The cluster knows the portal as {name}." if name else "The cluster accepts the credentials."
    if row.expires_at is None:
        return CREDENTIALS.passed(who)
    left, day = row.expires_at - timezone.now(), f"{row.expires_at:%-d %B %Y}"
    if left > WARN_BEFORE:
        return CREDENTIALS.passed(f"{who} They are good until {day}.")
    if left <= timedelta(0):
        return CREDENTIALS.warned(f"{who} They should have ended on {day}. Replace them now.", *_renewal(row))
    return CREDENTIALS.warned(
        f"{who} They end on {day}, in {left.days} days. Replace them before; running jobs do not notice.",
        *_renewal(row),
    )


def _name(ground: Ground) -> str:
    """As whom the cluster knows us; Kubernetes 1.28 and newer tell."""
    path = "/apis/authentication.k8s.io/v1/selfsubjectreviews"
    body = {"apiVersion": "authentication.k8s.io/v1", "kind": "SelfSubjectReview"}
    told = ground.api.post(path, body).get("status") or {}
    return str((told.get("userInfo") or {}).get("username") or "")


def _unknown(row: KubernetesConnection) -> Line:
    return CREDENTIALS.failed(
        "The cluster does not accept the portal's credentials (401): they were not copied as a whole, belong to "
        "another cluster, have ended or were deleted. Enter new ones; jobs that run are not touched.",
        *_renewal(row),
    )


def _renewal(row: KubernetesConnection) -> tuple[str, Fix]:
    if row.authentication == Authentication.TOKEN:
        return onboarding.token_command(row.namespace), Fix.COMMAND
    words = {
        Authentication.CERTIFICATE: "Make a new client certificate as you made this one, and enter it with its key.",
        Authentication.IN_CLUSTER: "Restart the portal's pod: it gets a new token of its account.",
        Authentication.EKS: "Look at the AWS key or role: it has to be in an access entry of the EKS cluster.",
    }
    return words.get(Authentication(row.authentication), ""), Fix.TEXT


def _place(row: KubernetesConnection) -> tuple[str, int]:
    url = urlsplit(row.server)
    return url.hostname or "", url.port or 443


def _joined(host: str, port: int) -> str:
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


# What it is when nobody answers, and the command that shows it on the portal's machine.
_SILENCES: tuple[tuple[tuple[type[OSError] | int | None, ...], str, str], ...] = (
    (
        (socket.gaierror,),
        "The portal's machine cannot find the name {host}. Correct the API address, or let the name be known in the "
        "DNS that this machine asks.",
        "getent hosts {host}",
    ),
    (
        (ConnectionRefusedError,),
        "The machine {host} is there, and nothing listens on its port {port}: the API server is stopped, or the port "
        "is another one.",
        "curl --insecure https://{place}/version",
    ),
    (
        (errno.ENETUNREACH, errno.EHOSTUNREACH),
        "There is no way from the portal's machine to {host}. Connect the networks, or give another address.",
        "ip route get {host}",
    ),
    (
        (None,),
        "Somebody accepts connections at {server} and then does not answer: the API server hangs, or it is overloaded. "
        "Look at it on its own machine.",
        "curl --insecure --max-time 20 https://{place}/readyz?verbose",
    ),
    (
        (TimeoutError,),
        "Nothing comes back from {place}: a firewall swallows the connection, or the machine is off. Let this machine "
        "through, or correct the API address.",
        "curl --insecure --max-time 10 https://{place}/version",
    ),
)
