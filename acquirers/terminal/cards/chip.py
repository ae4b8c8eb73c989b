"""The dialog with a chip, from its directory to the card as a message carries it.

Owns the order of the commands, what the terminal tells a card, and which of its data go into which
element. Must not know how commands get to the card (`apdu.Transport`) nor what a cryptogram
proves: that is the issuer's.

Theory of operation (EMV 4.3 Books 1 and 3, Book B of the contactless specifications). SELECT names
an application; GET PROCESSING OPTIONS tells it the payment (the data its PDOL asks for) and gets
its files' places; READ RECORD reads them. A contactless card has put its cryptogram into the
second answer already; one in a slot makes it when GENERATE AC asks. A card that makes none is
refused: without, a chip is worth a stripe and says more.
"""

from collections.abc import Iterator, Mapping
from typing import Final

from acquirers.terminal.cards import stripe_mode as dynamic
from acquirers.terminal.cards import tlv
from acquirers.terminal.cards.apdu import NOT_FOUND, OK, Answer, Transport, command, exchange
from acquirers.terminal.cards.personalisation import APPLICATION_ID
from acquirers.terminal.cards.reading import CardError, PresentedCard, Terms
from acquirers.terminal.parties import Card, CardUnreadableError, read_card

# Tags. Source: EMV 4.3 Book 3, annex A.
TRACK2_EQUIVALENT: Final = 0x57
PAN: Final = 0x5A
HOLDER_NAME: Final = 0x5F20
EXPIRY: Final = 0x5F24
CURRENCY: Final = 0x5F2A
PAN_SEQUENCE: Final = 0x5F34
INTERCHANGE_PROFILE: Final = 0x82
PRIORITY: Final = 0x87
CDOL1: Final = 0x8C
FILE_LOCATOR: Final = 0x94
VERIFICATION_RESULTS: Final = 0x95
DATE: Final = 0x9A
TRANSACTION_TYPE: Final = 0x9C
APPLICATION: Final = 0x4F
AMOUNT: Final = 0x9F02
AMOUNT_OTHER: Final = 0x9F03
ISSUER_DATA: Final = 0x9F10
COUNTRY: Final = 0x9F1A
CRYPTOGRAM: Final = 0x9F26
CRYPTOGRAM_KIND: Final = 0x9F27
CAPABILITIES: Final = 0x9F33
HOLDER_VERIFICATION: Final = 0x9F34
TRANSACTION_COUNTER: Final = 0x9F36
UNPREDICTABLE_NUMBER: Final = 0x9F37
PDOL: Final = 0x9F38

CHIP_DATA: Final = (
    CRYPTOGRAM, CRYPTOGRAM_KIND, ISSUER_DATA, UNPREDICTABLE_NUMBER, TRANSACTION_COUNTER,
    VERIFICATION_RESULTS, DATE, TRANSACTION_TYPE, AMOUNT, AMOUNT_OTHER, CURRENCY,
    INTERCHANGE_PROFILE, COUNTRY, CAPABILITIES, HOLDER_VERIFICATION,
)  # fmt: skip
"""What DE 55 holds, in this order."""

RIAL: Final = bytes.fromhex("0364")
"""ISO 4217, n3."""
IRAN: Final = bytes.fromhex("0364")
"""ISO 3166-1, n3: the same digits by the currency code's construction."""

NUMERIC: Final = {
    AMOUNT, AMOUNT_OTHER, COUNTRY, CURRENCY, DATE, TRANSACTION_TYPE, dynamic.NUMBER,
}  # fmt: skip

CONTACTLESS_DIRECTORY: Final = b"2PAY.SYS.DDF01"
RECORDS_MAX: Final = 64
"""A loyalty card has one record, a scheme's about ten: more is a broken file locator."""
DECLINED: Final = 0x00
ONLINE: Final = 0x80
"""Tag 9F27, its two high bits: the application declines; it asks for the issuer."""


async def read_chip(
    transport: Transport, terms: Terms, *, stripe_mode: bool = False
) -> PresentedCard:
    """Read a card that is in the reader. Raises CardError.

    `stripe_mode`: the reader knows no other way with contactless cards.
    """
    try:
        return await _read(transport, terms, stripe_mode=stripe_mode and transport.contactless)
    except tlv.TlvError as error:
        raise CardError(f"the card's data are broken: {error}") from None


async def tell_chip(transport: Transport, authentication_data: bytes) -> bool:
    """Hand the issuer's answer (tag 91) to the card; tell whether it believes it.

    Raises CardError. Source: EMV 4.3 Book 3, 6.5.4 EXTERNAL AUTHENTICATE.
    """
    sent = command(b"\x00\x82\x00\x00", authentication_data, answered=False)
    return (await exchange(transport, sent)).status == OK


async def _read(transport: Transport, terms: Terms, *, stripe_mode: bool) -> PresentedCard:
    terminal = _terminal_data(terms, contactless=transport.contactless)
    application = await _choose(transport)
    selected = tlv.leaves(await _asked(transport, "SELECT", _select(application)))
    options = await _options(transport, _filled(selected.get(PDOL, b""), terminal))
    card = {**await _records(transport, options.get(FILE_LOCATOR, b"")), **options}
    if stripe_mode:
        return await _read_stripe_mode(transport, card, terms)
    if CRYPTOGRAM not in card and CDOL1 in card:
        card |= await _cryptogram(transport, _filled(card[CDOL1], terminal | card))
    if CRYPTOGRAM not in card:
        raise CardError("the card makes no cryptogram: it proves nothing a copy would not")
    if card.get(CRYPTOGRAM_KIND, b"\0")[:1] != bytes([ONLINE]):
        raise CardError("the card declines the payment")
    return _presented(terminal | card, terms, contactless=transport.contactless)


async def _read_stripe_mode(
    transport: Transport, card: Mapping[int, bytes], terms: Terms
) -> PresentedCard:
    """Have the card make a code for this tap, and give it with the track that it belongs to.

    Source: EMV Contactless Book C-2, COMPUTE CRYPTOGRAPHIC CHECKSUM.
    """
    template = dynamic.template_of(card)
    number = int.from_bytes(terms.unpredictable_number) % 10**template.number_digits
    told = {dynamic.NUMBER: bytes.fromhex(f"{number:08}")}
    sent = _filled(card.get(dynamic.UDOL, dynamic.DEFAULT_UDOL), told)
    checksum = command(b"\x80\x2a\x8e\x80", sent)
    answer = tlv.leaves(await _asked(transport, "COMPUTE CRYPTOGRAPHIC CHECKSUM", checksum))
    code, counter = answer.get(dynamic.CODE, b""), answer.get(TRANSACTION_COUNTER, b"")
    if len(code) != 2 or len(counter) != 2:
        raise CardError("the card makes no code: it proves nothing a copy would not")
    track2 = dynamic.filled(
        template, code=int.from_bytes(code), counter=int.from_bytes(counter), number=number
    )
    read = read_card(track2)
    mode = f"91{1 if terms.pin_possible else 2}"
    shown = Card(pan=read.pan, expiry=read.expiry, track2=track2, entry_mode=mode)
    return PresentedCard(card=shown, service_code=track2.partition("D")[2][4:7])


async def _choose(transport: Transport) -> bytes:
    """Give the application to select: the directory's first that is ours, or ours by its name."""
    if not transport.contactless:
        return bytes.fromhex(APPLICATION_ID)
    answer = await exchange(transport, _select(CONTACTLESS_DIRECTORY))
    if answer.status == NOT_FOUND:
        return bytes.fromhex(APPLICATION_ID)
    ours = [
        (priority, application)
        for priority, application in _entries(_data(answer, "SELECT"))
        if application.startswith(bytes.fromhex(APPLICATION_ID))
    ]
    if not ours:
        raise CardError("the card is of no club here")
    return min(ours)[1]


def _entries(directory: bytes) -> Iterator[tuple[int, bytes]]:
    """Yield priority and name of a directory's applications: 6F, A5, BF0C, then a 61 each."""
    for template in (0x6F, 0xA5, 0xBF0C):
        directory = dict(tlv.objects(directory)).get(template, b"")
    for tag, value in tlv.objects(directory):
        if tag == 0x61:
            entry = tlv.leaves(value)
            priority = entry.get(PRIORITY, b"")[:1]
            # 1 comes first, 0 and none come last.
            yield (priority[0] & 0x0F if priority else 0) or 0x10, entry.get(APPLICATION, b"")


async def _options(transport: Transport, told: bytes) -> dict[int, bytes]:
    """Give GET PROCESSING OPTIONS' answer: tagged (77), or AIP and AFL alone (80)."""
    sent = command(b"\x80\xa8\x00\x00", tlv.compose(0x83, told))
    answer = await _asked(transport, "GET PROCESSING OPTIONS", sent)
    whole = dict(tlv.objects(answer)).get(0x80)
    if whole is None:
        return tlv.leaves(answer)
    return {INTERCHANGE_PROFILE: whole[:2], FILE_LOCATOR: whole[2:]}


async def _records(transport: Transport, locator: bytes) -> dict[int, bytes]:
    """Read the records a file locator names: four bytes a file, SFI, first, last, signed."""
    found: dict[int, bytes] = {}
    for file_id, number in _places(locator):
        sent = command(bytes([0x00, 0xB2, number, file_id | 4]))
        for tag, value in tlv.leaves(await _asked(transport, "READ RECORD", sent)).items():
            if tag in found:
                raise CardError(f"the card has tag {tag:X} twice")
            found[tag] = value
    return found


def _places(locator: bytes) -> list[tuple[int, int]]:
    if len(locator) % 4 or not locator:
        raise CardError("the card's file locator is broken")
    places: list[tuple[int, int]] = []
    for start in range(0, len(locator), 4):
        file_id, first, last, _ = locator[start : start + 4]
        if not 1 <= file_id >> 3 <= 30 or file_id & 7 or not 1 <= first <= last:
            raise CardError("the card's file locator names no record")
        places += [(file_id, number) for number in range(first, last + 1)]
    if len(places) > RECORDS_MAX:
        raise CardError(f"the card has {len(places)} records, {RECORDS_MAX} at most are read")
    return places


async def _cryptogram(transport: Transport, told: bytes) -> dict[int, bytes]:
    """Give GENERATE AC's answer: tagged (77), or kind, counter, cryptogram, issuer data (80)."""
    sent = command(bytes([0x80, 0xAE, ONLINE, 0x00]), told)
    answer = await _asked(transport, "GENERATE AC", sent)
    whole = dict(tlv.objects(answer)).get(0x80)
    if whole is None:
        return tlv.leaves(answer)
    if len(whole) < 11:
        raise CardError("the card's cryptogram is too short")
    return {
        CRYPTOGRAM_KIND: whole[:1],
        TRANSACTION_COUNTER: whole[1:3],
        CRYPTOGRAM: whole[3:11],
        ISSUER_DATA: whole[11:],
    }


def _select(application: bytes) -> bytes:
    return command(b"\x00\xa4\x04\x00", application)


async def _asked(transport: Transport, what: str, sent: bytes) -> bytes:
    return _data(await exchange(transport, sent), what)


def _data(answer: Answer, what: str) -> bytes:
    if answer.status != OK:
        raise CardError(f"the card refuses {what}: {answer.status:04X}")
    return answer.data


def _terminal_data(terms: Terms, *, contactless: bool) -> dict[int, bytes]:
    """Give what a terminal knows of the payment, by the tags a card may ask for."""
    # Stripe and contacts; enciphered PIN online or no verification; no data authentication.
    capabilities = "604800" if terms.pin_possible else "600800"
    # The PIN is enciphered for the issuer, who alone knows the result; or there was nothing to do.
    verification = "420300" if terms.pin_possible else "1F0302"
    return {
        AMOUNT: bytes.fromhex(f"{terms.amount_minor:012d}"),
        AMOUNT_OTHER: bytes(6),
        COUNTRY: IRAN,
        VERIFICATION_RESULTS: bytes(5),
        CURRENCY: RIAL,
        DATE: bytes.fromhex(terms.local_date.strftime("%y%m%d")),
        TRANSACTION_TYPE: bytes.fromhex(terms.transaction_type),
        UNPREDICTABLE_NUMBER: terms.unpredictable_number,
        CAPABILITIES: bytes.fromhex(capabilities),
        HOLDER_VERIFICATION: bytes.fromhex(verification),
    }


def _filled(dol: bytes, known: Mapping[int, bytes]) -> bytes:
    """Give what a data object list asks for. Source: EMV 4.3 Book 3, 5.4: unknown is zeros;
    numbers are cut and filled on the left, others on the right."""
    told = b""
    for tag, length in tlv.wanted(dol):
        value = known.get(tag, b"")
        if tag in NUMERIC:
            told += value[-length:].rjust(length, b"\0") if length else b""
        else:
            told += value[:length].ljust(length, b"\0")
    return told


def _presented(data: Mapping[int, bytes], terms: Terms, *, contactless: bool) -> PresentedCard:
    """Give the card of its data objects. Raises CardError when they contradict each other."""
    read = _track2(data)
    if PAN in data and data[PAN].hex().rstrip("f") != read.pan:
        raise CardError("the card's number is not its track 2's")
    if EXPIRY in data and data[EXPIRY].hex()[:4] != read.expiry:
        raise CardError("the card's expiry is not its track 2's")
    sequence = data.get(PAN_SEQUENCE, b"").hex()
    if sequence and not (len(sequence) == 2 and sequence.isdigit()):
        raise CardError("the card's sequence number is none")
    chip_data = {tag: data[tag] for tag in CHIP_DATA if tag in data}
    card = Card(
        pan=read.pan,
        expiry=read.expiry,
        track2=read.track2,
        entry_mode=f"{'07' if contactless else '05'}{1 if terms.pin_possible else 2}",
        sequence_number=f"0{sequence}" if sequence else "",
        chip_data=tlv.compose_all(chip_data).hex().upper(),
    )
    discretionary = read.track2.partition("D")[2]
    name = data.get(HOLDER_NAME, b"").decode("ascii", "replace").strip()
    return PresentedCard(card=card, service_code=discretionary[4:7], name=name)


def _track2(data: Mapping[int, bytes]) -> Card:
    text = data.get(TRACK2_EQUIVALENT, b"").hex().upper().removesuffix("F")
    try:
        read = read_card(text)
    except CardUnreadableError:
        raise CardError("the card's track 2 is broken or missing") from None
    if not read.track2:
        raise CardError("the card's track 2 ends behind its number")
    return read
