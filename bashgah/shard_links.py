"""How a switch process becomes one shard of several: its gate, its map, its links.

Owns what has to be equal in all processes of a site, and that a shard does not start on data of
another map. Decides nothing about a message.
"""

import hashlib
from contextlib import ExitStack

import msgspec

from switch._core import Core
from switch._fastpath import Gate
from switch._peers import Peers
from switch._pricing import Pricer
from switch._shard_gate import ShardGate
from switch.config import Config, slot_owners
from switch.directory import Directory
from switch.errors import OperatingError
from switch.ledger.database import Database
from switch.ledger.session import Session
from switch.local_sockets import listen_at
from switch.voucher_desk import ShardLink, VoucherDesk

TRUNKS_PER_SHARD = 4
"""Places of the gate: a link each way, and as many again whose end we have not heard of yet."""

PROTOCOL = 1
"""Of what is on a link; processes of different ones do not talk to each other."""

LAST_SHARD = "SELECT coalesce(max(shard), -1) AS shard FROM shard_heads"


def shard_configs(config: Config) -> tuple[Config, ...]:
    """Give the configuration of each shard of a site: number and metrics port differ.

    Shard `k` serves HTTP on the port of `[http]` plus `k`.
    """
    if config.switch.shards == 1:
        return (config,)
    replace = msgspec.structs.replace
    return tuple(
        replace(
            config,
            switch=replace(config.switch, shard=number),
            http=replace(config.http, port=config.http.port + number),
        )
        for number in range(config.switch.shards)
    )


def new_gate(
    config: Config, core: Core, *, utc_offset_s: int, logging: bool, pricer: Pricer
) -> Gate:
    """Give the gate of a switch: one that is alone, or one of several shards'."""
    kind = Gate if config.switch.shards == 1 else ShardGate
    return kind(
        core,
        connections_max=sum(listener.connections_max for listener in config.listener),
        pending_max=config.journal.pending_entries_max,
        utc_offset_s=utc_offset_s,
        logging=logging,
        pricer=pricer,
        trunks_max=TRUNKS_PER_SHARD * (config.switch.shards - 1),
    )


def join_shards(
    config: Config, gate: Gate, core: Core, pan_key: bytes, resources: ExitStack
) -> Peers | None:
    """Let the other shards in; None when there are none.

    Raises OperatingError for cards that another shard owns, and when the sockets cannot be made.
    """
    switch = config.switch
    if switch.shards == 1:
        return None
    assert isinstance(gate, ShardGate)
    assert switch.peers_dir is not None, "checked when the configuration was loaded"
    peers = Peers(
        core,
        owners=list(slot_owners(switch)),
        count=switch.shards,
        greeting=greeting_of(config, pan_key),
    )
    misplaced = peers.misplaced()
    if misplaced:
        raise OperatingError(
            f"shard {switch.shard} has {misplaced} cards of other shards' slots:"
            " they were loaded under another map or number of shards"
        )
    listening = listen_at(switch.peers_dir, switch.shard)
    resources.callback(listening.close)
    gate.join(peers, listening.fileno())
    return peers


def voucher_desk(
    config: Config, core: Core, directory: Directory, gate: Gate
) -> VoucherDesk | None:
    """Give what seeks vouchers at the other shards; None where there are none, or no way to ask.

    They ask each other at the sockets of operators.
    """
    switch = config.switch
    if switch.shards == 1 or switch.control_dir is None:
        return None
    numbers = [number for number in range(switch.shards) if number != switch.shard]
    owners = list(slot_owners(switch))
    return VoucherDesk(
        core=core,
        directory=directory,
        gate=gate,
        shard=switch.shard,
        slot=owners.index(switch.shard) if switch.shard in owners else None,
        links={number: ShardLink(switch.control_dir, number) for number in numbers},
    )


def greeting_of(config: Config, pan_key: bytes) -> bytes:
    """Digest everything in which shards that talk to each other must agree."""
    switch = config.switch
    agreed = (
        PROTOCOL,
        switch.shards,
        slot_owners(switch),
        switch.timezone,
        config.clock,
        [
            (listener.name, listener.profile, listener.acquirer, listener.framing)
            for listener in config.listener
        ],
        hashlib.sha256(pan_key).hexdigest(),
    )
    return hashlib.sha256(msgspec.json.encode(agreed)).digest()


async def expect_no_more_shards(database: Database, config: Config) -> None:
    """Raise OperatingError when the journal has shards that this configuration does not serve."""
    last_shard = await database.call(_last_shard)
    if last_shard > max(config.switch.shard, config.switch.shards - 1):
        raise OperatingError(
            f"the journal has shard {last_shard}: its cards would be unknown"
            f" with switch.shards = {config.switch.shards}"
        )


async def _last_shard(session: Session) -> int:
    rows = await session.fetch(LAST_SHARD)
    return int(rows[0]["shard"])
