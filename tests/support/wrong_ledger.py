"""A switch that is wrong inside: what it writes down is not what it has told.

Owns the faults, as triggers of the real journal: the switch decides and answers rightly, and one in
so many of its purchases is written with a leg less, or with another amount. To whoever looks from
outside, that is a switch with a broken book.
"""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from enum import Enum

import asyncpg

EVERY = 100
"""Purchases to one that is written wrongly."""

INSTALL = """
CREATE SEQUENCE purchases;
CREATE FUNCTION write_wrongly() RETURNS TRIGGER LANGUAGE plpgsql AS $$
BEGIN
    IF new.operation = 1 AND new.response_code = '00' AND new.points_earned > 0
        AND nextval('purchases') % {every} = 0
    THEN
        {fault}
    END IF;
    RETURN new;
END
$$;
CREATE TRIGGER wrong BEFORE INSERT ON journal FOR EACH ROW EXECUTE FUNCTION write_wrongly();
"""

REMOVE = """
DROP TRIGGER wrong ON journal;
DROP FUNCTION write_wrongly();
DROP SEQUENCE purchases;
"""


class WrongLedger(Enum):
    """What is written wrongly."""

    FORGETS_A_LEG = """
        new.moves := trim_array(new.moves, 1);
    """
    BOOKS_ANOTHER_AMOUNT = "new.moves[1][3] := new.moves[1][3] - 1;"


@contextmanager
def written_wrongly(dsn: str, fault: WrongLedger, every: int = EVERY) -> Iterator[None]:
    """Let whatever the switch writes meanwhile have the fault."""
    asyncio.run(_execute(dsn, INSTALL.format(every=every, fault=fault.value)))
    try:
        yield
    finally:
        asyncio.run(_execute(dsn, REMOVE))


async def _execute(dsn: str, script: str) -> None:
    connection = await asyncpg.connect(dsn)
    try:
        await connection.execute(script)
    finally:
        await connection.close()
