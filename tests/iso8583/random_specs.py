"""Hypothesis strategies: random specs in plain pyiso8583 format, messages of them, broken bytes."""

from typing import Any

from hypothesis import strategies as st

SpecDict = dict[str, dict[str, Any]]
TEXT_CODECS = ("ascii", "latin-1", "cp500", "cp037", "cp1256")
LENGTH_CODECS = ("ascii", "cp500", "bcd", "b")


@st.composite
def rows(draw: st.DrawFn) -> dict[str, Any]:
    """A row that pyiso8583 and we both find meaningful: an odd count has a pad to be put in."""
    len_type = draw(st.integers(0, 3))
    row: dict[str, Any] = {
        "data_enc": draw(st.sampled_from((*TEXT_CODECS, "b", "b", "b"))),
        "len_enc": draw(st.sampled_from(LENGTH_CODECS)),
        "len_type": len_type,
        "max_len": draw(st.integers(1, 24)),
        "desc": "",
        "len_count": draw(st.sampled_from(("bytes", "nibbles"))),
        "left_pad": draw(st.sampled_from(("", "0", "F"))),
        "right_pad": draw(st.sampled_from(("", "0", "F"))),
    }
    if len_type == 0 and row["len_count"] == "nibbles":
        has_pad = row["data_enc"] == "b" and (row["left_pad"] or row["right_pad"])
        row["max_len"] += 0 if has_pad else row["max_len"] % 2
    return row


@st.composite
def specs(draw: st.DrawFn) -> SpecDict:
    """A plain spec of up to eight elements, in one to three bitmaps."""
    fixed = {"len_enc": "ascii", "len_type": 0, "desc": ""}
    bitmap = draw(st.sampled_from(("b", "ascii", "cp500")))
    numbers = draw(st.sets(st.integers(2, 192).filter(lambda n: n != 65), min_size=1, max_size=8))
    return {
        "h": {"data_enc": "ascii", **fixed, "max_len": draw(st.sampled_from((0, 0, 5)))},
        "t": {"data_enc": draw(st.sampled_from(("ascii", "cp500", "b"))), **fixed, "max_len": 4},
        "p": {"data_enc": bitmap, **fixed, "max_len": 8},
        "1": {"data_enc": draw(st.sampled_from((bitmap, "b"))), **fixed, "max_len": 8},
        **{str(number): draw(rows()) for number in sorted(numbers)},
    }


@st.composite
def values_of(draw: st.DrawFn, key: str, row: dict[str, Any]) -> str:
    """A value for the row; about one in ten is one too long or too short."""
    is_binary = row["data_enc"] == "b"
    in_nibbles = row["len_count"] == "nibbles"
    low = row["max_len"] if row["len_type"] == 0 else 0
    count = draw(st.integers(low, row["max_len"]))
    if is_binary and not in_nibbles:
        count *= 2
    if not is_binary and in_nibbles:
        count //= 2
    count = max(0, count + draw(st.sampled_from((0,) * 18 + (-1, 1))))
    if is_binary:
        alphabet = "0123456789" if key == "2" else "0123456789ABCDEF"
    elif key == "2":
        alphabet = "0123456789"
    else:
        alphabet = "".join(
            character
            for character in map(chr, (*range(0x20, 0x7F), 0xE9, 0x627, 0x634))
            if character.encode(row["data_enc"], "ignore")
        )
    return draw(st.text(alphabet, min_size=count, max_size=count))


@st.composite
def messages_of(draw: st.DrawFn, spec: SpecDict) -> dict[str, str]:
    """A message as pyiso8583 takes it."""
    keys = [key for key in spec if key not in "htp1"]
    chosen = draw(st.sets(st.sampled_from(keys)))
    message = {"t": draw(st.sampled_from(("0100", "0200", "0420", "1804")))}
    if spec["h"]["max_len"]:
        message["h"] = draw(st.text("ABC012", min_size=5, max_size=5))
    for key in sorted(chosen, key=int):
        message[key] = draw(values_of(key, spec[key]))
    return message


@st.composite
def mutations_of(draw: st.DrawFn, data: bytes) -> bytes:
    """The bytes with a few changes: set, removed, inserted, cut."""
    changed = bytearray(data)
    likely = st.one_of(st.integers(0, 255), st.sampled_from(b" 09_+-aAF\xf0\xf9\x00\xff"))
    for _ in range(draw(st.integers(1, 3))):
        at = draw(st.integers(0, max(0, len(changed) - 1)))
        kind = draw(st.sampled_from(("set", "set", "set", "remove", "insert", "cut", "bit")))
        if kind == "insert" or not changed:
            changed.insert(at, draw(likely))
        elif kind == "set":
            changed[at] = draw(likely)
        elif kind == "bit":
            changed[at] ^= 1 << draw(st.integers(0, 7))
        elif kind == "remove":
            del changed[at]
        else:
            del changed[at:]
    return bytes(changed)
