"""A connection by hand, as far as TLS, with nothing said: where it fails tells what is wrong."""

import ipaddress
import socket
import ssl

from clusters.kubernetes.addresses import look_up, rules_of_settings, why_not

CONNECT_SECONDS = 5.0
MOST_ADDRESSES = 3


def try_out(host: str, port: int, ca: str, tls_server_name: str) -> OSError | None:
    """The trouble with the last address tried (ssl.SSLError and socket.gaierror are OSErrors); None: TLS came about."""
    trouble: OSError | None = None
    try:
        addresses = look_up(host, port)
    except OSError as error:
        return error
    rules = rules_of_settings()
    # Only where the client itself would go: a name may lead elsewhere by now.
    allowed = [each for each in addresses if not why_not(ipaddress.ip_address(each), rules)]
    for address in allowed[:MOST_ADDRESSES]:
        try:
            with socket.create_connection((address, port), CONNECT_SECONDS) as plain:
                context = ssl.create_default_context(cadata=ca or None)
                with context.wrap_socket(plain, server_hostname=tls_server_name or host):
                    return None
        except OSError as error:
            trouble = error
    return trouble
