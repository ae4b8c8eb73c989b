"""The demo's HSM as a process: it answers, ends when it is told to, and says why it could not."""

import socket
from pathlib import Path

import pytest
import trio

from bashgah import demo_keys
from bashgah.child_program import ChildProgramError
from bashgah.demo_site import HOST, free_port
from bashgah.hsm_process import HsmProcess
from switch.hsm_client import HsmAddress, open_hsm


@pytest.mark.slow
async def test_it_answers_with_the_published_lmk_until_it_is_stopped(tmp_path: Path) -> None:
    port = free_port()
    hsm = HsmProcess((HOST, port), tmp_path / "hsm", tmp_path / "hsm.log")

    hsm.start()
    try:
        await hsm.wait_ready()
        async with open_hsm(HsmAddress(host=HOST, port=port)) as session:
            answer = await session.command(b"NC")
    finally:
        await hsm.stop()

    assert answer[4:20].decode() == demo_keys.lmk_check_value()
    assert not hsm.running


@pytest.mark.slow
async def test_one_whose_port_was_taken_is_reported(tmp_path: Path) -> None:
    with socket.create_server((HOST, 0)) as taken:
        address = (HOST, taken.getsockname()[1])
        hsm = HsmProcess(address, tmp_path / "hsm", tmp_path / "hsm.log")

        hsm.start()

        with trio.fail_after(30), pytest.raises(ChildProgramError, match="the HSM ended"):
            await hsm.fail_when_it_ends()
