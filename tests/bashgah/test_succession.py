"""Two switches on one shard: the second takes over, the first ends and answers nothing any more."""

from pathlib import Path

import msgspec
import pytest
import trio

from bashgah.config_text import config_text
from bashgah.demo_site import HOST, free_port
from bashgah.site import Site
from bashgah.switch_process import SwitchProcess
from bashgah.verification import first_difference
from switch.config import Http
from tests.support.site import running_site

END_SECONDS_MAX = 20.0


def _successor(site: Site) -> SwitchProcess:
    """Give a switch on the site's database with ports of its own."""
    config = msgspec.structs.replace(
        site.config,
        listener=tuple(
            msgspec.structs.replace(listener, port=free_port()) for listener in site.config.listener
        ),
        http=Http(host=HOST, port=free_port()),
    )
    path: Path = site.data_dir / "successor.toml"
    path.write_text(config_text(config), encoding="utf-8")
    base_url = f"http://{config.http.host}:{config.http.port}"
    return SwitchProcess(path, base_url, site.data_dir / "successor.log")


@pytest.mark.slow
async def test_a_switch_whose_shard_is_taken_ends_and_says_why() -> None:
    async with running_site(lambda line: None) as site:
        successor = _successor(site)
        successor.start()
        try:
            await successor.wait_ready()
            # The former owner learns of it with its next row: an event of its own clock, or a
            # message. An echo needs no row and must not be answered for ever either.
            with trio.fail_after(END_SECONDS_MAX):
                code = await site.switch.wait_end()
        finally:
            await successor.stop()
        log = (site.data_dir / "switch.log").read_text()
        difference = await first_difference(site.config_path)

    assert code == 2
    assert "another owner" in log
    assert difference is None
