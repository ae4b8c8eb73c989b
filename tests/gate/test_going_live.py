"""A version whose day has come and which cannot go live: it is said once, and tried again."""

import time

import pytest
import structlog
import trio
from msgspec.structs import replace

from issuers.pricings import PRICINGS
from issuers.purse_in_python import NAME, purse_in_python
from switch.versions import DAY_SECONDS
from tests.support.gate_bench import serving
from tests.support.shop import Shop
from tests.support.versions import announce


@pytest.mark.slow
async def test_a_version_without_its_function_is_logged_once_and_live_when_there_is_one() -> None:
    shop = Shop(purse_in_python(1, 1, 1), now_s=int(time.time()) - 2 * DAY_SECONDS)
    announce(shop, replace(purse_in_python(1, 2, 1), pricing="gone"), in_days=1)
    shop.now_s = int(time.time())
    shop.directory.know_pricings(PRICINGS)

    with structlog.testing.capture_logs() as lines:
        async with serving(shop=shop) as bench:
            await trio.sleep(2.5)
            refused = [line for line in lines if line["event"] == "version_not_live"]
            shop.directory.know_pricings({NAME, "gone"})
            await bench.wait_until(lambda: shop.directory.programmes[1].version == 2)

    assert [(line["version"], "gone" in line["error"]) for line in refused] == [(2, True)]
    assert [line["version"] for line in lines if line["event"] == "version_live"] == [2]
