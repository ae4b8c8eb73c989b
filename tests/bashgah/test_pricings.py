"""A switch without the function that its journal names: said at the start, before anybody connects.

A deployment that forgot an issuer's file is the way to this.
"""

import time
from pathlib import Path

import msgspec
import pytest

from bashgah import bootstrap, demo_loader
from bashgah.demo_site import demo_config, write_pan_key
from issuers.purse_in_python import purse_in_python
from switch.config import Config, ConfigError, Database, read_dsn, read_pan_key
from switch.ledger.database import Database as Journal


def config_for(dsn: str, directory: Path) -> Config:
    write_pan_key(directory / "pan.key")
    return msgspec.structs.replace(demo_config(directory), database=Database(dsn=dsn))


async def take(config: Config) -> bootstrap.Owned:
    assert config.keys.pan_key_file is not None
    with Journal(read_dsn(config.database)) as journal:
        return await bootstrap.own_shard(
            journal,
            config,
            read_pan_key(config.keys.pan_key_file),
            now_us=time.time_ns() // 1_000,
            utc_offset_s=12_600,
        )


@pytest.mark.slow
async def test_a_journal_that_names_a_function_which_is_gone_stops_the_start(
    database: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = config_for(database, tmp_path)
    await demo_loader.load(config, purse_in_python)
    owned = await take(config)
    assert owned.directory.programmes[1].pricing == "purse-in-python"
    monkeypatch.setattr(bootstrap, "PRICINGS", {})

    with pytest.raises(ConfigError) as raised:
        await take(config)

    assert str(raised.value) == (
        "this program lacks what the journal names: programme 1 version 1 is priced by"
        " 'purse-in-python', and there is no such function (there are: none)"
    )
