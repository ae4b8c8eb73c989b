"""The first faults of a run in words. Owns the sentences; card data never gets here."""

from loadtest.tables import Tables

WORDS = (
    "a reply that belongs elsewhere",
    "a reply that does not repeat the request",
    "a second reply",
    "no reply",
    "a repeat answered otherwise than the first",
    "an unreadable reply",
    "an unexpected answer",
    "connection lost",
)
"""In the order of `loadtest.result.Faults`."""

CROSS_TALK, WRONG_ECHO, _DOUBLE, _MISSING, _REPEAT, UNREADABLE, _UNEXPECTED, LOST = range(8)
DETAIL_TPDU = -1


def findings_of(
    notes: list[tuple[int, int, int, int, int, str]], tables: Tables, unsent: int
) -> tuple[str, ...]:
    """Give a line for each note of the core, and one for what never left."""
    lines = [_line(note, tables) for note in notes]
    if unsent:
        lines.append(f"{unsent:,} messages were due and never left: the host is behind")
    return tuple(lines)


def _line(note: tuple[int, int, int, int, int, str], tables: Tables) -> str:
    fault, connection, number, kind, detail, code = note
    text = f"{WORDS[fault]}: connection {connection}"
    if number >= 0:
        names = (*tables.kinds, "garbage")
        text += f", {names[kind]} {tables.tag:03d}{number % 1_000_000_000:09d}"
    if fault == WRONG_ECHO:
        text += ", TPDU" if detail == DETAIL_TPDU else f", element {detail}"
    if fault == UNREADABLE and detail:
        text += f", element {detail}"
    if fault == LOST and detail:
        text += f", error {detail}"
    return f"{text}, code {code}" if code else text
