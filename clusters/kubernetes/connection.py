"""How a cluster is reached: plain data, nothing that names a file, a command or another address."""

import ssl
from dataclasses import dataclass, field
from urllib.parse import urlsplit


class ConnectionInvalid(Exception):
    """A field cannot be what it says; `field` is its name here, the text a sentence for an admin."""

    def __init__(self, field: str, sentence: str) -> None:
        super().__init__(sentence)
        self.field = field
        self.sentence = sentence


@dataclass(frozen=True)
class Connection:
    """`server` is an https URL without a path; the rest is PEM text or a token, "" where there is none.

    Either a token or a client certificate with its key. Secrets are left out of the repr.
    """

    server: str
    ca: str = field(repr=False)
    token: str = field(default="", repr=False)
    client_certificate: str = field(default="", repr=False)
    client_key: str = field(default="", repr=False)
    tls_server_name: str = ""

    def check(self) -> None:
        """Raises ConnectionInvalid for the first field that cannot work."""
        self._check_server()
        _check_certificates("ca", self.ca)
        if bool(self.token) == bool(self.client_certificate):
            raise ConnectionInvalid(
                "token", "Give either a token or a client certificate with its key: exactly one is needed."
            )
        if any(character.isspace() or not character.isprintable() for character in self.token):
            raise ConnectionInvalid("token", "A token is one word without spaces or line breaks.")
        if self.client_certificate:
            _check_certificates("client_certificate", self.client_certificate)
            if "PRIVATE KEY-----" not in self.client_key:
                raise ConnectionInvalid(
                    "client_key", "The client certificate needs its private key, as PEM text."
                )

    def _check_server(self) -> None:
        try:
            url = urlsplit(self.server)
            port = url.port
        except ValueError:
            port = 0
        if port == 0 or url.scheme != "https" or not url.hostname:
            raise ConnectionInvalid("server", "The API address begins with https:// and names a host.")
        if url.username or url.password or url.query or url.fragment or url.path not in ("", "/"):
            raise ConnectionInvalid(
                "server",
                "The API address is only https://, a host and perhaps a port, such as https://10.0.0.1:6443.",
            )


def _check_certificates(field: str, text: str) -> None:
    try:
        ssl.create_default_context(cadata=text or "-")
    except ssl.SSLError as error:
        raise ConnectionInvalid(
            field, "This is no certificate: it is text that begins with -----BEGIN CERTIFICATE-----."
        ) from error
