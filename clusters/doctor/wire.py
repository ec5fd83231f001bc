"""A connection by hand, as far as TLS, with nothing said: where it fails tells what is wrong."""

import socket
import ssl

CONNECT_SECONDS = 5.0
MOST_ADDRESSES = 3


def try_out(host: str, port: int, ca: str, tls_server_name: str) -> OSError | None:
    """The trouble with the last address tried (ssl.SSLError and socket.gaierror are OSErrors); None: TLS came about."""
    trouble: OSError | None = None
    try:
        addresses = _addresses(host, port)
    except OSError as error:
        return error
    for address in addresses[:MOST_ADDRESSES]:
        try:
            with socket.create_connection((address, port), CONNECT_SECONDS) as plain:
                context = ssl.create_default_context(cadata=ca or None)
                with context.wrap_socket(plain, server_hostname=tls_server_name or host):
                    return None
        except OSError as error:
            trouble = error
    return trouble


def _addresses(host: str, port: int) -> list[str]:
    entries = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(entry[4][0]) for entry in entries))
