"""Metrics and health over HTTP, for Prometheus and for whoever restarts or routes.

It owns three paths and knows nothing of what is measured or what "ready" means: the registry and
the question are handed in. hypercorn is the server (docs/decisions/0003).
"""

import socket
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any, cast

import hypercorn.trio
import msgspec
import trio
from hypercorn.config import Config
from hypercorn.typing import ASGIFramework
from prometheus_client import CollectorRegistry, make_asgi_app

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]

STOP_SECONDS_MAX = 1.0  # a scrape takes milliseconds; nobody waits longer for the last one
REQUEST_HEAD_BYTES_MAX = 16_384
BACKLOG_CONNECTIONS_MAX = 64


class Readiness(msgspec.Struct, frozen=True, kw_only=True):
    """Whether this process should get traffic, and if not, why."""

    ready: bool
    reason: str = ""


async def serve_http(
    host: str,
    port: int,
    registry: CollectorRegistry,
    readiness: Callable[[], Readiness],
    *,
    task_status: trio.TaskStatus[str] = trio.TASK_STATUS_IGNORED,
) -> None:
    """Serve `/metrics`, `/healthz` and `/readyz` until cancelled; `started` with the base URL.

    `readiness` is asked at each request and must not block. Raises `OSError` when the port is
    taken.
    """
    config = Config()
    # Bound here: hypercorn loses an open socket when the port is taken. It owns the descriptor now.
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.create_server((host, port), family=family, backlog=BACKLOG_CONNECTIONS_MAX)
    config.bind = [f"fd://{listener.detach()}"]
    config.backlog = BACKLOG_CONNECTIONS_MAX
    config.graceful_timeout = STOP_SECONDS_MAX
    config.h11_max_incomplete_size = REQUEST_HEAD_BYTES_MAX
    config.include_server_header = False
    # A line per scrape says nothing, and stdout belongs to the exchanges.
    config.accesslog = None
    config.errorlog = None
    async with trio.open_nursery() as nursery:
        binds: list[str] = await nursery.start(
            hypercorn.trio.serve, _app(registry, readiness), config
        )
        task_status.started(binds[0])


def _app(registry: CollectorRegistry, readiness: Callable[[], Readiness]) -> ASGIFramework:
    metrics = make_asgi_app(registry)

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await _live(receive, send)
            return
        if scope["type"] != "http":
            return
        if scope["method"] not in ("GET", "HEAD"):
            await _answer(send, 405, {"error": "only GET"})
        elif scope["path"] == "/metrics":
            await metrics(scope, receive, send)
        elif scope["path"] == "/healthz":
            await _answer(send, 200, {"alive": True})
        elif scope["path"] == "/readyz":
            state = readiness()
            await _answer(send, 200 if state.ready else 503, state)
        else:
            await _answer(send, 404, {"error": "try /metrics, /healthz or /readyz"})

    # hypercorn types every event as its own TypedDict, prometheus_client as plain mappings.
    return cast(ASGIFramework, app)


async def _live(receive: Receive, send: Send) -> None:
    while True:
        event = await receive()
        await send({"type": f"{event['type']}.complete"})
        if event["type"] == "lifespan.shutdown":
            return


async def _answer(send: Send, status: int, body: object) -> None:
    headers = [(b"content-type", b"application/json"), (b"cache-control", b"no-store")]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": msgspec.json.encode(body) + b"\n"})
