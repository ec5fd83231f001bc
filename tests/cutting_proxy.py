"""TCP proxies on loopback that cut connections at given bytes of what passes them."""

import contextlib
import socket
import struct
import threading


class Proxy:
    """A proxy on loopback; what becomes of the bytes of either way is for subclasses to say."""

    def __init__(self, address: tuple[str, int]) -> None:
        self._address = address
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
                server = socket.create_connection(self._address)
                for way in (self._to_server, self._to_client):
                    threading.Thread(target=way, args=(client, server), daemon=True).start()

    def _to_server(self, client: socket.socket, server: socket.socket) -> None:
        raise NotImplementedError

    def _to_client(self, client: socket.socket, server: socket.socket) -> None:
        raise NotImplementedError


class CuttingProxy(Proxy):
    """`cuts`: positions in the bytes sent to the server, `lost`: numbers of answers that the client never sees."""

    def __init__(self, port: int, cuts: list[int], lost: set[int] = frozenset()) -> None:
        self._cuts = sorted(cuts)
        self._lost = lost
        self.done = 0
        self.passed = 0
        self.answers = 0
        super().__init__(("127.0.0.1", port))

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
        reset(client, server)

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
        reset(client, server)


def reset(*ends: socket.socket) -> None:
    """Both sides see a reset, not an orderly end."""
    for end in ends:
        with contextlib.suppress(OSError):
            end.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            end.shutdown(socket.SHUT_RDWR)
        with contextlib.suppress(OSError):
            end.close()


class OneWayCuttingProxy(Proxy):
    """Passes bytes on until the first of `cuts` has gone its way; then both sides lose the connection.

    `cuts` are pairs of way ("up" to the portal, "down" from it) and how many bytes go before the cut. `asked` are the
    beginnings of what came on the way up.
    """

    def __init__(self, address: tuple[str, int]) -> None:
        self.cuts: list[tuple[str, int]] = []
        self.made = 0
        self.asked: list[bytes] = []
        super().__init__(address)

    def _to_server(self, client: socket.socket, server: socket.socket) -> None:
        self._pass("up", client, server)

    def _to_client(self, client: socket.socket, server: socket.socket) -> None:
        self._pass("down", server, client)

    def _pass(self, way: str, source: socket.socket, target: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while data := source.recv(65536):
                if way == "up":
                    self.asked.append(data[:200])
                allowed = self._allow(way, len(data))
                target.sendall(data[:allowed])
                if allowed < len(data):
                    break
        reset(source, target)

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
