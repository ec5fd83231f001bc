"""Whether somebody still waits for an answer: long work can stop for whoever has left, or has asked anew."""

import select
import socket

from django.http import HttpRequest


def has_left(request: HttpRequest) -> bool:
    """True when the other end has closed its connection: nginx does so when the browser gives up its request.

    Reads nothing and waits for nothing. False where the server does not give its connection away (gunicorn does).
    """
    connection = request.META.get("gunicorn.socket")
    if connection is None:
        return False
    try:
        ready = select.poll()
        ready.register(connection, select.POLLIN)
        # What can be read is the end, or the next request.
        return bool(ready.poll(0)) and connection.recv(1, socket.MSG_PEEK) == b""
    except (OSError, ValueError):
        return True
