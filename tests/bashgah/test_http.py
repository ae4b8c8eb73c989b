"""Metrics and health over a real socket."""

import json
import urllib.error
import urllib.request
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial

import pytest
import trio
from prometheus_client import CollectorRegistry, Counter

from bashgah.http import Readiness, serve_http

READY = Readiness(ready=True)


@asynccontextmanager
async def serving(
    registry: CollectorRegistry, readiness: Readiness = READY, port: int = 0
) -> AsyncIterator[str]:
    async with trio.open_nursery() as nursery:
        serve = partial(serve_http, "127.0.0.1", port, registry, lambda: readiness)
        yield await nursery.start(serve)
        nursery.cancel_scope.cancel()


async def fetch(url: str, method: str = "GET") -> tuple[int, str]:
    def read() -> tuple[int, str]:
        try:
            with urllib.request.urlopen(urllib.request.Request(url, method=method)) as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as error:
            with error:
                return error.code, error.read().decode()

    return await trio.to_thread.run_sync(read)


async def test_metrics_are_those_of_the_registry() -> None:
    registry = CollectorRegistry()
    Counter("bashgah_approvals", "Approved requests.", registry=registry).inc(3)

    async with serving(registry) as url:
        status, text = await fetch(f"{url}/metrics")

    assert status == 200
    assert "bashgah_approvals_total 3.0" in text


async def test_a_ready_process_says_so() -> None:
    async with serving(CollectorRegistry()) as url:
        status, text = await fetch(f"{url}/readyz")

    assert (status, json.loads(text)) == (200, {"ready": True, "reason": ""})


async def test_a_process_that_is_not_ready_says_why_and_lives() -> None:
    not_ready = Readiness(ready=False, reason="replaying the journal")

    async with serving(CollectorRegistry(), not_ready) as url:
        status, text = await fetch(f"{url}/readyz")
        alive, _ = await fetch(f"{url}/healthz")

    assert (status, json.loads(text)["reason"]) == (503, "replaying the journal")
    assert alive == 200


@pytest.mark.parametrize(
    ("path", "method", "status"), [("/", "GET", 404), ("/readyz", "POST", 405)]
)
async def test_anything_else_is_refused(path: str, method: str, status: int) -> None:
    async with serving(CollectorRegistry()) as url:
        answered, _ = await fetch(url + path, method)

    assert answered == status


async def test_a_port_in_use_is_an_oserror() -> None:
    async with serving(CollectorRegistry()) as url:
        taken = int(url.rpartition(":")[2])

        with pytest.raises(OSError, match="in use"):
            await serve_http("127.0.0.1", taken, CollectorRegistry(), lambda: READY)
