"""A network that breaks: a proxy before the portal that cuts each connection at a byte of your choice."""

import contextlib
import socket
import struct
import threading


class CuttingProxy:
    """Passes bytes on until `cuts` of them went one way; then both sides lose the connection, and the next cut counts.

    `cuts` are pairs of way ("up" to the portal, "down" from it) and how many bytes go before the cut.
    """

    def __init__(self, address: tuple[str, int]) -> None:
        self._address = address
        self.cuts: list[tuple[str, int]] = []
        self.made = 0
        self._lock = threading.Lock()
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}"
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self) -> None:
        self._listener.close()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                near, _ = self._listener.accept()
                far = socket.create_connection(self._address)
                for way, source, target in (("up", near, far), ("down", far, near)):
                    threading.Thread(target=self._pass, args=(way, source, target), daemon=True).start()

    def _pass(self, way: str, source: socket.socket, target: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while data := source.recv(65536):
                allowed = self._allow(way, len(data))
                target.sendall(data[:allowed])
                if allowed < len(data):
                    break
        for side in (source, target):
            with contextlib.suppress(OSError):
                # As a cable that was pulled and a router that noticed: a reset, nothing is flushed any more.
                side.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                side.shutdown(socket.SHUT_RDWR)
                side.close()

    def _allow(self, way: str, size: int) -> int:
        with self._lock:
            if not self.cuts or self.cuts[0][0] != way:
                return size
            left = self.cuts[0][1]
            if size <= left:
                self.cuts[0] = (way, left - size)
                return size
            self.cuts.pop(0)
            self.made += 1
            return left
