"""A TCP proxy on loopback that cuts connections at given byte positions of all that passes it."""

import contextlib
import socket
import struct
import threading


class CuttingProxy:
    """`cuts`: positions in the bytes sent to the server, `lost`: numbers of answers that the client never sees."""

    def __init__(self, port: int, cuts: list[int], lost: set[int] = frozenset()) -> None:
        self._target = ("127.0.0.1", port)
        self._cuts = sorted(cuts)
        self._lost = lost
        self.done = 0
        self.passed = 0
        self.answers = 0
        self._lock = threading.Lock()
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}"
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self) -> None:
        self._listener.close()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                server = socket.create_connection(self._target)
                for way in (self._to_server, self._to_client):
                    threading.Thread(target=way, args=(client, server), daemon=True).start()

    def _to_server(self, client: socket.socket, server: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while data := client.recv(65536):
                with self._lock:
                    is_cut = bool(self._cuts) and self.passed + len(data) >= self._cuts[0]
                    if is_cut:
                        data = data[: max(0, self._cuts.pop(0) - self.passed)]
                        self.done += 1
                    self.passed += len(data)
                server.sendall(data)
                if is_cut:
                    break
        _reset(client, server)

    def _to_client(self, client: socket.socket, server: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while data := server.recv(65536):
                with self._lock:
                    self.answers += data.startswith(b"HTTP/1.")
                    is_lost = self.answers in self._lost
                    if is_lost:
                        self._lost = self._lost - {self.answers}
                        self.done += 1
                if is_lost:
                    break
                client.sendall(data)
        _reset(client, server)


def _reset(*ends: socket.socket) -> None:
    """Both sides see a reset, not an orderly end."""
    for end in ends:
        with contextlib.suppress(OSError):
            end.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            end.shutdown(socket.SHUT_RDWR)
        with contextlib.suppress(OSError):
            end.close()
