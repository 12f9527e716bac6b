"""The thin HTTP shell around a vendor's model: one uvicorn server on loopback, in a thread of its own.

It adds only what belongs to HTTP (Date, gzip, keep-alive, broken connections) and delivers webhooks. It must
not know any vendor, and must not serve anything but examples.
"""

from __future__ import annotations

import asyncio
import contextlib
import gzip
import socket
import sys
import threading
import traceback
from collections.abc import Awaitable, Callable, MutableMapping
from email.utils import format_datetime
from types import TracebackType
from typing import Any, Self
from urllib.parse import parse_qsl

import httpx
import uvicorn
from uvicorn.protocols.http.h11_impl import H11Protocol

from syncd.sandbox.harness import Harness
from syncd.sandbox.wire import CONTROL, Delivery, Dropped, Emits, Request, Response, Vendor, json_response

GZIP_FROM = 1_000
"""Bytes of body from which gzip is worth its time."""

LOOPBACK = ("127.0.0.1", "::1", "localhost")

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
Lines = dict[tuple[str, int], asyncio.Transport]


class App:
    """The ASGI application. Uvicorn runs it on one thread, so the model answers one request at a time."""

    def __init__(self, harness: Harness, lines: Lines, courier: Courier, *, control: bool) -> None:
        self._harness = harness
        self._lines = lines
        self._courier = courier
        self._control = control

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        request = await _request(scope, receive)
        self._harness.begin()
        try:
            await self._serve(request, scope, receive, send)
        finally:
            self._harness.finish()

    async def _serve(self, request: Request, scope: Message, receive: Receive, send: Send) -> None:
        if request.path.startswith(CONTROL) and not self._control:
            response = json_response(404, {"error": {"message": "control paths are served on loopback only"}})
        else:
            try:
                response = self._harness.handle(request)
            except Dropped:
                self._courier.wake()
                self._lines[tuple(scope["client"])].abort()
                await _until_gone(receive)
                return
            except Exception:  # noqa: BLE001 - a bug of the model must be seen, and uvicorn's log is off
                trace = traceback.format_exc()
                sys.stderr.write(trace)
                response = Response(status=500, headers={"content-type": "text/plain"}, body=trace.encode())
        self._courier.wake()
        if response.delay:
            await asyncio.sleep(self._harness.clock.real(response.delay))
        body, headers = self._dress(request, response)
        await send({"type": "http.response.start", "status": response.status, "headers": headers})
        if response.cut is None:
            await send({"type": "http.response.body", "body": body})
            return
        await send({"type": "http.response.body", "body": body[: response.cut], "more_body": True})
        self._lines[tuple(scope["client"])].close()
        await _until_gone(receive)

    def _dress(self, request: Request, response: Response) -> tuple[bytes, list[tuple[bytes, bytes]]]:
        body = response.body
        headers = {name.lower(): value for name, value in response.headers.items()}
        headers.setdefault("date", format_datetime(self._harness.clock.now(), usegmt=True))
        # A broken answer stays plain: half of a gzip stream would be another fault than the one asked for.
        asked = "gzip" in request.headers.get("accept-encoding", "")
        if asked and len(body) >= GZIP_FROM and response.cut is None:
            body = gzip.compress(body, 1, mtime=0)
            headers["content-encoding"] = "gzip"
        if response.status != 204:
            headers["content-length"] = str(len(body))
        return body, [(name.encode("latin-1"), value.encode("latin-1")) for name, value in headers.items()]


async def _request(scope: Message, receive: Receive) -> Request:
    chunks = []
    more = True
    while more:
        message = await receive()
        chunks.append(message.get("body", b""))
        more = message.get("more_body", False)
    query = parse_qsl(scope["query_string"].decode("latin-1"), keep_blank_values=True)
    return Request(
        method=scope["method"],
        path=scope["path"],
        query=tuple(query),
        headers={name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]},
        body=b"".join(chunks),
    )


async def _until_gone(receive: Receive) -> None:
    """Return only after uvicorn has seen the connection end, else it would answer 500 by itself."""
    while (await receive())["type"] != "http.disconnect":
        pass


def _protocol(lines: Lines) -> type[H11Protocol]:
    """Uvicorn's protocol, keeping the transports by client address: ASGI has no way to break a connection."""

    class Protocol(H11Protocol):
        def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvicorn's
            super().connection_made(transport)
            if self.client:
                lines[self.client] = transport

        def connection_lost(self, exc: Exception | None) -> None:
            if self.client:
                lines.pop(self.client, None)
            super().connection_lost(exc)

    return Protocol


class Server(uvicorn.Server):
    """Uvicorn without its tick of a tenth of a second: a test suite starts and stops hundreds of servers."""

    async def main_loop(self) -> None:
        while not self.should_exit:  # noqa: ASYNC110 - another thread sets it
            await asyncio.sleep(0.02)


class Courier:
    """Takes webhooks out of the model and POSTs them in order, one try each: what fails is lost."""

    EVERY = 0.1
    """Real seconds between looks at the outbox: direct calls and held-back webhooks wake nobody."""

    def __init__(self, harness: Harness) -> None:
        self.failed = 0
        self._harness = harness
        self._wake = threading.Event()
        self._end = False
        self._thread = threading.Thread(target=self._run, name="sandbox-webhooks", daemon=True)
        if isinstance(harness.vendor, Emits):
            self._thread.start()

    def wake(self) -> None:
        """Look at the outbox now."""
        self._wake.set()

    def stop(self) -> None:
        """Deliver what is due and end."""
        self._end = True
        self._wake.set()
        if self._thread.is_alive():
            self._thread.join(timeout=5)

    def _run(self) -> None:
        # Made for the first webhook only: a client costs more than a whole small test.
        client: httpx.Client | None = None
        ending = False
        while not ending:
            self._wake.wait(self.EVERY)
            self._wake.clear()
            ending = self._end
            for delivery in self._harness.drain():
                client = client or httpx.Client(timeout=2.0, trust_env=False)
                self._post(client, delivery)
        if client is not None:
            client.close()

    def _post(self, client: httpx.Client, delivery: Delivery) -> None:
        try:
            client.post(delivery.url, content=delivery.body, headers=dict(delivery.headers))
        except (httpx.HTTPError, httpx.InvalidURL):
            self.failed += 1


class Running:
    """A served vendor. A context manager: leaving it stops the server."""

    def __init__(
        self,
        *,
        url: str,
        harness: Harness,
        server: uvicorn.Server,
        thread: threading.Thread,
        courier: Courier,
    ) -> None:
        self.url = url
        self.harness = harness
        self._server = server
        self._thread = thread
        self._courier = courier

    def stop(self) -> None:
        """Stop serving; idle connections are closed, running requests get a second."""
        self._server.should_exit = True
        self._thread.join(timeout=10)
        self._courier.stop()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()


def serve(vendor: Vendor | Harness, host: str = "127.0.0.1", port: int = 0) -> Running:
    """Serve a model and return when it can be reached. Port 0 is any free port. Raises OSError if taken."""
    harness = vendor if isinstance(vendor, Harness) else Harness(vendor)
    lines: Lines = {}
    courier = Courier(harness)
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    # The protocol is named because asyncio turns Nagle off only then: without it every answer takes 40 ms.
    sock = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    try:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        sock.bind((host, port))
        sock.listen(256)
    except OSError:
        sock.close()
        courier.stop()
        raise
    config = uvicorn.Config(
        App(harness, lines, courier, control=host in LOOPBACK),
        http=_protocol(lines),
        loop="asyncio",
        ws="none",
        lifespan="off",
        interface="asgi3",
        log_config=None,
        log_level="critical",
        access_log=False,
        proxy_headers=False,
        server_header=False,
        date_header=False,
        timeout_keep_alive=60,
        timeout_graceful_shutdown=1,
    )
    server = Server(config)

    def run() -> None:
        with contextlib.closing(sock):
            server.run(sockets=[sock])

    thread = threading.Thread(target=run, name=f"sandbox-{harness.vendor.name}", daemon=True)
    thread.start()
    # The socket listens already: a request sent now waits in its backlog until the loop runs.
    shown = f"[{host}]" if ":" in host else host
    return Running(
        url=f"http://{shown}:{sock.getsockname()[1]}",
        harness=harness,
        server=server,
        thread=thread,
        courier=courier,
    )
