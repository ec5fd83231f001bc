"""How a cluster is reached: plain data, nothing that names a file, a command or another address."""

import re
import ssl
from dataclasses import dataclass, field
from urllib.parse import urlsplit

# Behind a gateway an API server has a path: Rancher's https://host/k8s/clusters/c-xyz.
_PATH = re.compile(r"(?:/(?!\.{1,2}(?:/|$))[A-Za-z0-9._~-]+)*/?")
_PEM = "Paste all of it, from -----BEGIN CERTIFICATE----- to -----END CERTIFICATE-----."
_HOST = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9.-]{0,251}[A-Za-z0-9])?")


class ConnectionInvalid(Exception):
    """A field cannot be what it says; `field` is its name here, the text a sentence for an admin."""

    def __init__(self, field: str, sentence: str) -> None:
        super().__init__(field, sentence)
        self.field = field
        self.sentence = sentence

    def __str__(self) -> str:
        return self.sentence


@dataclass(frozen=True)
class Connection:
    """`server` is an https URL, perhaps with a plain path; the rest is PEM text or a token, "" where there is none.

    Without `ca` the API server's certificate has to be one that this machine's system trusts. Either a token or a
    client certificate with its key, or neither where they are made for each call. Secrets are left out of the repr.
    """

    server: str
    ca: str = field(repr=False)
    token: str = field(default="", repr=False)
    client_certificate: str = field(default="", repr=False)
    client_key: str = field(default="", repr=False)
    tls_server_name: str = ""

    def check(self) -> None:
        """Raises ConnectionInvalid for the first field that cannot work."""
        self.check_place()
        if bool(self.token) == bool(self.client_certificate):
            raise ConnectionInvalid(
                "token", "Give either a token or a client certificate with its key: exactly one is needed."
            )
        if any(character.isspace() or not character.isprintable() for character in self.token):
            raise ConnectionInvalid("token", "A token is one word without spaces or line breaks.")
        if not self.token.isascii():
            raise ConnectionInvalid("token", "A token has letters, digits and signs of ASCII only.")
        if self.client_certificate:
            _check_certificates("client_certificate", self.client_certificate)
            _check_pair(self.client_certificate, self.client_key)

    def check_place(self) -> None:
        """As `check`, but without asking for a token or a certificate."""
        self._check_server()
        if self.ca:
            _check_certificates("ca", self.ca)
        if self.tls_server_name and not _HOST.fullmatch(self.tls_server_name):
            raise ConnectionInvalid("tls_server_name", "The name in the certificate is a plain host name.")

    def _check_server(self) -> None:
        try:
            url = urlsplit(self.server)
            port = url.port
        except ValueError:
            port = 0
        is_plain = self.server.isascii() and self.server.isprintable() and " " not in self.server
        if port == 0 or url.scheme != "https" or not url.hostname or not is_plain:
            raise ConnectionInvalid("server", "The API address begins with https:// and names a host.")
        if "@" in url.netloc or "?" in self.server or "#" in self.server or not _PATH.fullmatch(url.path):
            raise ConnectionInvalid(
                "server",
                "The API address is only https://, a host, perhaps a port and a plain path, "
                "such as https://10.0.0.1:6443 or https://rancher.example.org/k8s/clusters/c-1.",
            )


def _check_certificates(field: str, text: str) -> None:
    try:
        ssl.create_default_context(cadata=text or "-")
    except (ssl.SSLError, ValueError, TypeError) as error:  # TypeError: it is not ASCII
        raise ConnectionInvalid(field, f"{_what_it_is(text)} {_PEM}") from error


def _what_it_is(text: str) -> str:
    if "PRIVATE KEY-----" in text:
        return "This is a private key, and a certificate is wanted here."
    if "-----BEGIN CERTIFICATE-----" in text:
        return "This certificate cannot be read: a part of it may be missing or changed."
    return "This is no certificate."


def _check_pair(certificate: str, key: str) -> None:
    """Read both, and find out whether they belong together."""
    # Imported here: most processes never need it.
    from cryptography import x509
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives.serialization import load_pem_private_key

    if "PRIVATE KEY-----" not in key:
        raise ConnectionInvalid("client_key", "The client certificate needs its private key, as PEM text.")
    try:
        private = load_pem_private_key(key.encode(), None)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        raise ConnectionInvalid(
            "client_key", "This private key cannot be read. It has to be PEM text without a passphrase."
        ) from None
    try:
        fits = private.public_key() == x509.load_pem_x509_certificate(certificate.encode()).public_key()
    except (ValueError, UnsupportedAlgorithm):
        raise ConnectionInvalid("client_certificate", "This client certificate cannot be read.") from None
    if not fits:
        raise ConnectionInvalid("client_key", "This private key belongs to another certificate.")
