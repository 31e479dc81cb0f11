"""A client of HTTP/3."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.envoy.clients_tls import SERVERS

pytest.importorskip("aioquic", reason="no aioquic to speak HTTP/3 with")

from aioquic.asyncio.client import connect
from aioquic.asyncio.protocol import QuicConnectionProtocol
from aioquic.h3.connection import H3_ALPN, H3Connection
from aioquic.h3.events import DataReceived, HeadersReceived
from aioquic.quic.configuration import QuicConfiguration
from aioquic.quic.events import ConnectionTerminated, QuicEvent
from aioquic.tls import SessionTicket


@dataclass(slots=True)
class Answer:
    headers: dict[str, str]
    body: bytes = b""

    @property
    def status(self) -> int:
        return int(self.headers[":status"])


class _Client(QuicConnectionProtocol):
    def __init__(self, *arguments: Any, **more: Any) -> None:
        super().__init__(*arguments, **more)
        self._http = H3Connection(self._quic)
        self._answers: dict[int, Answer] = {}
        self._ends: dict[int, asyncio.Future[Answer]] = {}

    def quic_event_received(self, event: QuicEvent) -> None:
        if isinstance(event, ConnectionTerminated):
            for end in self._ends.values():
                if not end.done():
                    end.set_exception(ConnectionError(event.reason_phrase))
        for one in self._http.handle_event(event):
            if isinstance(one, HeadersReceived):
                told = {name.decode(): value.decode() for name, value in one.headers}
                self._answers.setdefault(one.stream_id, Answer(told))
            elif isinstance(one, DataReceived):
                self._answers[one.stream_id].body += one.data
            if isinstance(one, HeadersReceived | DataReceived) and one.stream_ended:
                self._ends[one.stream_id].set_result(self._answers[one.stream_id])

    async def ask(self, method: str, path: str, headers: Mapping[str, str], body: bytes) -> Answer:
        stream = self._quic.get_next_available_stream_id()
        self._ends[stream] = asyncio.get_running_loop().create_future()
        said = {":method": method, ":scheme": "https", ":authority": "gateway.test", ":path": path, **headers}
        told = [(name.encode(), value.encode()) for name, value in said.items()]
        self._http.send_headers(stream, told, end_stream=not body)
        if body:
            self._http.send_data(stream, body, end_stream=True)
        self.transmit()
        return await self._ends[stream]


def ask(
    port: int,
    path: str,
    headers: Mapping[str, str] | None = None,
    body: bytes = b"",
    shows: tuple[Path, Path] | None = None,
    seconds: float = 15.0,
    tickets: list[SessionTicket] | None = None,
) -> tuple[Answer, Any]:
    """One request on a connection of its own; the answer, and the certificate that the server has shown. What resumes
    the connection is added to `tickets`."""

    async def go() -> tuple[Answer, Any]:
        settings = QuicConfiguration(is_client=True, alpn_protocols=H3_ALPN, server_name="gateway.test")
        settings.load_verify_locations(cadata=SERVERS.certificate)
        if shows is not None:
            settings.load_cert_chain(*shows)
        keep = tickets.append if tickets is not None else None
        async with connect(
            "127.0.0.1", port, configuration=settings, create_protocol=_Client, session_ticket_handler=keep
        ) as client:
            assert isinstance(client, _Client)
            answer = await client.ask("POST" if body else "GET", path, headers or {}, body)
            return answer, client._quic.tls._peer_certificate

    return asyncio.run(asyncio.wait_for(go(), seconds))
