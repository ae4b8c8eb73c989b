"""How a switch process speaks to the banks of other cards: links, desk, and what it reads for them.

Owns how they are made from the configuration. Decides nothing.
"""

from functools import partial

from switch._core import Core
from switch._fastpath import Gate
from switch.config import Config, ConfigError, Issuer
from switch.directory import Directory
from switch.errors import JournalUnavailable
from switch.hsm_client import tls_context
from switch.iso8583 import Framing, named
from switch.issuer_desk import IssuerDesk
from switch.issuer_link import IssuerLink, LinkTerms
from switch.ledger.database import Database
from switch.ledger.reader import read_event
from switch.ledger.session import DatabaseUnavailable, StatementRefused


def issuer_desk(
    config: Config, core: Core, directory: Directory, gate: Gate, database: Database
) -> IssuerDesk:
    """Give the desk of a switch. Raises ConfigError for files that are no TLS identity."""
    shard = config.switch.shard
    return IssuerDesk(
        core=core,
        directory=directory,
        gate=gate,
        links={issuer.name: issuer_link(issuer) for issuer in config.issuer},
        shard=shard,
        shards=config.switch.shards,
        read_event=partial(_read_event, database, shard),
    )


def issuer_link(issuer: Issuer) -> IssuerLink:
    """Give the link to a bank, not connected yet. Raises ConfigError."""
    tls = None
    if issuer.ca is not None and issuer.certificate is not None and issuer.key is not None:
        try:
            tls = tls_context(str(issuer.ca), str(issuer.certificate), str(issuer.key))
        except OSError as error:  # ssl.SSLError is one
            raise ConfigError(f"issuer {issuer.name}: {error.strerror or error}") from error
    framing = Framing(
        length=issuer.framing.length,
        length_includes_itself=issuer.framing.length_includes_itself,
    )
    terms = LinkTerms(
        name=issuer.name,
        host=issuer.host,
        port=issuer.port,
        framing=framing,
        tls=tls,
        answer_seconds_max=issuer.answer_seconds_max,
        echo_seconds=issuer.echo_seconds,
    )
    return IssuerLink(terms, named(issuer.spec), issuer.institution)


async def _read_event(database: Database, shard: int, seq: int) -> bytes | None:
    """Give the event on a row of the journal. Raises JournalUnavailable."""
    try:
        return await database.call(read_event, shard, seq)
    except (DatabaseUnavailable, StatementRefused) as error:
        raise JournalUnavailable(str(error)) from error
