"""A bank behind TLS: both show certificates; to anybody else nothing is said, and nothing moves."""

import ssl
from pathlib import Path

import pytest
import structlog

from hsm_sim.tls import server_context
from switch.hsm_client import tls_context
from tests.support.certificates import Authority, Pair
from tests.support.remote_site import remote_site


class Papers:
    """The authority of a bank and its customers, and what each of them shows."""

    def __init__(self, directory: Path) -> None:
        self.authority = Authority(directory, "authority")
        self.bank = self.authority.issue("bank", for_servers=True)
        self.switch = self.authority.issue("switch")

    def door(self, shown: Pair | None = None) -> ssl.SSLContext:
        """Give the bank's side."""
        pair = shown or self.bank
        return server_context(pair.certificate, pair.key, self.authority.pem)

    def key(self, shown: Pair | None = None, authority: Authority | None = None) -> ssl.SSLContext:
        """Give ours, made as the switch makes it."""
        pair = shown or self.switch
        trusted = authority or self.authority
        return tls_context(str(trusted.pem), str(pair.certificate), str(pair.key))


async def test_a_purchase_and_its_reversal_go_over_tls(tmp_path: Path) -> None:
    papers = Papers(tmp_path)
    async with remote_site(bank_tls=papers.door(), our_tls=papers.key()) as here:
        link = await here.bench.connect()
        message = here.message(de52=here.block())

        bought = await link.ask(message)
        undone = await link.ask(here.reversal(message))

        assert (bought[39], undone[39]) == ("00", "00")
        await here.settled()
        assert here.owed_by() == 0
        here.expect_agreement()


@pytest.mark.parametrize("wrong", ["another authority's bank", "no bank's name", "our paper"])
@pytest.mark.slow
async def test_without_the_right_papers_the_bank_is_not_asked(tmp_path: Path, wrong: str) -> None:
    papers = Papers(tmp_path)
    stranger = Authority(tmp_path, "stranger")
    door, key = papers.door(), papers.key()
    if wrong == "another authority's bank":
        door = papers.door(stranger.issue("bank", for_servers=True, file_name="strange-bank"))
    elif wrong == "no bank's name":
        named = papers.authority.issue("other", dns=["other.example"], for_servers=True)
        door = papers.door(named)
    else:
        key = papers.key(stranger.issue("switch", file_name="strange-switch"))

    with structlog.testing.capture_logs() as lines:
        async with remote_site(bank_tls=door, our_tls=key, connects=False) as here:
            link = await here.bench.connect()

            reply = await link.ask(here.message(de52=here.block()))

            assert (reply[39], reply["48.RC"]) == ("91", "issuer_unavailable")
            assert here.bank.heard == []
            here.expect_agreement()
            # An operator is told why, once the bank has hung up.
            await here.bench.wait_until(
                lambda: any(
                    line["event"] == "issuer_unavailable" and "no TLS" in line["error"]
                    for line in lines
                )
            )
