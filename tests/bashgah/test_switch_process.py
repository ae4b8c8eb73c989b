"""Failures of the switch as a process; its good days are in `test_up` and `tests/chaos`."""

from pathlib import Path

import pytest
import trio

from bashgah.child_program import ChildProgramError
from bashgah.demo_site import free_port
from bashgah.switch_process import SwitchProcess


@pytest.mark.slow
async def test_a_switch_that_cannot_start_is_reported_with_the_end_of_its_log(
    tmp_path: Path,
) -> None:
    config_path = tmp_path / "bashgah.toml"
    config_path.write_text("[switch]\nshardz = 3\n")
    switch = SwitchProcess(config_path, f"http://127.0.0.1:{free_port()}", tmp_path / "log")

    switch.start()
    with trio.fail_after(30), pytest.raises(ChildProgramError, match="unknown field"):
        await switch.wait_ready()

    assert not switch.running
    with trio.fail_after(30), pytest.raises(ChildProgramError, match="ended with code"):
        await switch.stop()  # it is nobody's process any more


@pytest.mark.slow
async def test_a_switch_that_ends_by_itself_is_noticed(tmp_path: Path) -> None:
    config_path = tmp_path / "missing.toml"
    switch = SwitchProcess(config_path, f"http://127.0.0.1:{free_port()}", tmp_path / "log")

    switch.start()

    with trio.fail_after(30), pytest.raises(ChildProgramError, match=r"missing\.toml"):
        await switch.fail_when_it_ends()
