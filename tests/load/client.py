"""A visitor without a browser: speaks the page's protocol over a websocket, and times reruns."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator
from dataclasses import dataclass, field

from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
from websockets.asyncio.client import ClientConnection, connect

PATIENCE = 120.0
LIVE_SECONDS = 1.0  # fragments that tick faster than this follow work under way


@dataclass
class Visitor:
    """One session on one page. `rerun` is what a browser sends when a widget changes nothing."""

    address: str
    page: str = "saliency"
    query: str = ""
    received: int = 0
    _socket: ClientConnection | None = None
    _page_hash: str = ""
    _cached: list[str] = field(default_factory=list)

    async def open(self) -> None:
        """Connect and run the page for the first time."""
        uri = self.address.replace("http://", "ws://") + "/_stcore/stream"
        self._socket = await connect(uri, subprotocols=["streamlit"], max_size=None, origin=self.address)  # type: ignore[arg-type, list-item]
        await self.rerun()

    async def rerun(self) -> tuple[float, bool]:
        """One whole rerun: seconds until its last message, and whether the page follows work under way.

        Raises RuntimeError where the script did not end well, TimeoutError where it does not end.
        """
        assert self._socket is not None
        start, live = time.perf_counter(), False
        await self._socket.send(self._request())
        while True:
            message = await self._next()
            kind = message.WhichOneof("type")
            if kind == "new_session":
                self._page_hash = message.new_session.page_script_hash
            elif kind == "auto_rerun":
                live = live or message.auto_rerun.interval < LIVE_SECONDS
            elif kind == "delta" and message.delta.new_element.WhichOneof("type") == "exception":
                raise RuntimeError(message.delta.new_element.exception.message)
            elif kind == "script_finished" and message.script_finished != ForwardMsg.FINISHED_EARLY_FOR_RERUN:
                if message.script_finished != ForwardMsg.FINISHED_SUCCESSFULLY:
                    raise RuntimeError(ForwardMsg.ScriptFinishedStatus.Name(message.script_finished))
                return time.perf_counter() - start, live

    async def wait_until_still(self, seconds: float = PATIENCE) -> None:
        """Rerun as a polling page does until nothing is under way any more. Raises TimeoutError."""
        end = time.monotonic() + seconds
        while (await self.rerun())[1]:
            if time.monotonic() > end:
                raise TimeoutError(f"work was still under way after {seconds:.0f} s")
            await asyncio.sleep(0.5)

    async def close(self) -> None:
        """Leave, as a closed tab does."""
        if self._socket is not None:
            await self._socket.close()

    def _request(self) -> bytes:
        asked = BackMsg()
        state = asked.rerun_script
        state.query_string, state.page_name, state.page_script_hash = self.query, self.page, self._page_hash
        state.cached_message_hashes.extend(self._cached)
        state.context_info.url = f"{self.address}/{self.page}"
        return asked.SerializeToString()

    async def _next(self) -> ForwardMsg:
        assert self._socket is not None
        data = await asyncio.wait_for(self._socket.recv(), PATIENCE)
        assert isinstance(data, bytes)
        self.received += len(data)
        message = ForwardMsg.FromString(data)
        if message.metadata.cacheable and message.hash not in self._cached:
            self._cached.append(message.hash)
        return message


async def visit(address: str, visitors: int, reruns: int, pause: float) -> list[float]:
    """Seconds of each rerun of `visitors` sessions at once, each pausing between its reruns; the maps are finished before."""
    sessions = [Visitor(address) for _ in range(visitors)]
    for session in sessions:
        await session.open()
    await sessions[0].wait_until_still()
    for session in sessions:
        await session.rerun()
    found = await asyncio.gather(*(_reruns(session, reruns, delay) for session, delay in _staggered(sessions, pause)))
    for session in sessions:
        await session.close()
    return [seconds for each in found for seconds in each]


def _staggered(sessions: list[Visitor], pause: float) -> Iterator[tuple[Visitor, float]]:
    # Visitors do not click in step: each starts a share of the pause later, and pauses a little longer than the last.
    for number, session in enumerate(sessions):
        yield session, pause * (1 + number / len(sessions))


async def _reruns(session: Visitor, reruns: int, pause: float) -> list[float]:
    seconds = []
    for _ in range(reruns):
        await asyncio.sleep(pause)
        seconds.append((await session.rerun())[0])
    return seconds
