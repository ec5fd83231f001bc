"""Pieces of both streams in one request, in the order in which the script wrote them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from runner.order import Run
from runner.portal_client import PortalClient, PortalRefused, Request
from runner.shipping import StreamShipper, headers_of

# As many as the portal takes with one request (jobs/intake/calls.py).
MOST_TURNS = 200
MOST_BYTES = 1 << 18


class Turns:
    """Ships runs of both streams together. `works`: the portal takes them so."""

    def __init__(self, shippers: Sequence[StreamShipper]) -> None:
        self._shippers = {shipper.stream: shipper for shipper in shippers}
        self.works = True

    def ship(self, client: PortalClient, runs: Sequence[Run], is_final: bool, now: float) -> bool | None:
        """Send what is there of these runs: whether somebody watches, or None when nothing was sent.

        Lines that are held back go with a later run of their stream. Raises as StreamShipper.ship.
        """
        if not self.works or not all(each.is_plain for each in self._shippers.values()):
            return None
        pieces = self._pieces(runs, is_final, now)
        if len({stream for stream, _ in pieces}) < 2:
            return None
        data = b"".join(piece for _, piece in pieces)
        try:
            answer = client.send(Request("PUT", self._address(pieces), data, headers_of(data)))
        except PortalRefused as refusal:
            self._recover(refusal)
            return None
        for stream, shipper in self._shippers.items():
            sent = b"".join(piece for name, piece in pieces if name == stream)
            shipper.confirm(sent, int(answer["sizes"][stream]), now)
        return bool(answer.get("watched"))

    def _pieces(self, runs: Sequence[Run], is_final: bool, now: float) -> list[tuple[str, bytes]]:
        pieces: list[tuple[str, bytes]] = []
        at = {stream: shipper.offset for stream, shipper in self._shippers.items()}
        left = MOST_BYTES
        for stream, end in runs[:MOST_TURNS]:
            wanted = end - at[stream]
            if wanted > left:
                break
            piece = self._shippers[stream].take(at[stream], end, left, is_final, now) if wanted > 0 else b""
            if piece:
                pieces.append((stream, piece))
                at[stream] += len(piece)
                left -= len(piece)
        return pieces

    def _address(self, pieces: Sequence[tuple[str, bytes]]) -> str:
        numbers = {stream: number for number, stream in enumerate(self._shippers)}
        turns = ",".join(f"{numbers[stream]}:{len(piece)}" for stream, piece in pieces)
        places = "&".join(f"{stream}={shipper.offset}" for stream, shipper in self._shippers.items())
        return f"/intake/output?{places}&turns={turns}"

    def _recover(self, refusal: PortalRefused) -> None:
        """Go on where the portal is; what it does not take so is shipped stream by stream."""
        if refusal.status in (401, 403):
            raise refusal
        sizes = refusal.facts.get("sizes")
        before = self._offsets()
        if refusal.status == 409 and isinstance(sizes, dict):
            for stream, shipper in self._shippers.items():
                shipper.move_to(int(sizes[stream]))
        self.works = before != self._offsets()

    def _offsets(self) -> Mapping[str, int]:
        return {stream: shipper.offset for stream, shipper in self._shippers.items()}
