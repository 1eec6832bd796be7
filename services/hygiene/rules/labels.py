"""What a scanned or typed label says (GS1 General Specifications; domain.md 2.7). Nothing is guessed."""

import re
from typing import TYPE_CHECKING

from pydantic import ValidationError

from schemas.hygiene import LotReport, ManualLabel, ReadLabel, lot_key
from schemas.vocabulary import LocalDate

if TYPE_CHECKING:
    from biip.gs1_messages import GS1Message

GROUP_SEPARATOR = "\x1d"

_SYMBOLOGY = re.compile(r"^\](?P<id>[A-Za-z][0-9A-Za-z])")
_GS1_SYMBOLOGIES = frozenset({"d2", "C1", "Q3", "e0", "J1"})
"""GS1 DataMatrix, GS1-128, GS1 QR, GS1 DataBar, GS1 DotCode: the ones whose content is element strings."""

_LOT_WITH_SERIAL = re.compile(r"^.{3,}21.{3,}$")
"""Without separators, `10AB12321000045` may be lot AB12321000045, or lot AB123 and serial 000045."""


class LabelUnreadableError(ValueError):
    """The label does not say what it must: the field, and what is wrong in plain words."""

    def __init__(self, field: str, reason: str) -> None:
        super().__init__(f"{field}: {reason}")
        self.field = field
        self.reason = reason


def read_label(report: LotReport) -> ReadLabel:
    """What was delivered, scanned or typed. Raises `LabelUnreadableError`."""
    label = _read_manual(report.manual) if report.manual else read_scan(report.scan or "", report.printed_lot)
    if label.serial is not None and report.quantity != 1:
        raise LabelUnreadableError("quantity", "a code with a serial number stands for one unit")
    return label


def read_scan(scan: str, printed_lot: str | None = None) -> ReadLabel:
    """A GS1 element string with or without its symbology identifier. Raises `LabelUnreadableError`."""
    # Imported here, with its tables of every GS1 company: a tenth of the program's start, and nothing of it begins with a label.
    from biip import ParseError
    from biip.gs1_messages import GS1Message

    content = scan.strip(" \r\n")
    if symbology := _SYMBOLOGY.match(content):
        if symbology["id"] not in _GS1_SYMBOLOGIES:
            raise LabelUnreadableError("scan", "this is not a GS1 code")
        content = content[symbology.end() :]
    content = content.lstrip(GROUP_SEPARATOR)
    try:
        message = GS1Message.parse(content)
    except ParseError:
        raise LabelUnreadableError("scan", "this is not a GS1 element string; scan again or type the label") from None
    lot = _one(message, "10", "lot")
    if printed_lot is None and GROUP_SEPARATOR not in content and _LOT_WITH_SERIAL.match(lot or ""):
        raise LabelUnreadableError("scan", "the scanner may have dropped a separator; scan again, or add the lot as it is printed")
    if printed_lot is not None and lot != printed_lot:
        raise LabelUnreadableError("printed_lot", "the scanned lot is not the printed one; scan again")
    gtin, expiry = _one(message, "01", "gtin"), message.element_strings.get(ai="17")
    _one(message, "17", "expires_on")
    return _label(gtin, lot, expiry.date if expiry else None, _one(message, "21", "serial"))


def _one(message: "GS1Message", ai: str, field: str) -> str | None:
    values = {element.value for element in message.element_strings.filter(ai=ai)}
    if len(values) > 1:
        raise LabelUnreadableError(field, "the code says two different things")
    return values.pop() if values else None


def _read_manual(label: ManualLabel) -> ReadLabel:
    return _label(label.gtin, label.lot, label.expires_on, label.serial)


def _label(gtin: str | None, lot: str | None, expires_on: LocalDate | None, serial: str | None) -> ReadLabel:
    from biip import ParseError
    from biip.gtin import Gtin

    if gtin is None:
        raise LabelUnreadableError("gtin", "the label has no product number, AI (01)")
    if expires_on is None:
        raise LabelUnreadableError("expires_on", "the label has no expiry date, AI (17)")
    if lot is None:
        raise LabelUnreadableError("lot", "the label has no lot, AI (10)")
    try:
        whole = Gtin.parse(gtin).as_gtin_14()
    except ParseError:
        raise LabelUnreadableError("gtin", "the product number's check digit is wrong") from None
    try:
        return ReadLabel(gtin=whole, lot=lot, expires_on=expires_on, serial=serial)
    except ValidationError as unreadable:
        raise LabelUnreadableError(str(unreadable.errors()[0]["loc"][0]), "has characters that no lot or serial has") from None


_CONFUSABLE = str.maketrans("OQILSBZG", "00115826")


def is_near(lot: str, other: str) -> bool:
    """Whether a person should compare two lots of one product: signs that look alike, or one sign off."""
    one, two = (_plain(lot_key(code)) for code in (lot, other))
    return one == two or _one_off(one, two)


def _plain(lot: str) -> str:
    return "".join(sign for sign in lot if sign.isalnum()).translate(_CONFUSABLE)


def _one_off(one: str, two: str) -> bool:
    """One sign changed, missing or too many."""
    short, long = sorted((one, two), key=len)
    if len(long) - len(short) > 1:
        return False
    at = next((n for n, (a, b) in enumerate(zip(short, long, strict=False)) if a != b), len(short))
    return long[at + 1 :] in {short[at:], short[at + 1 :]}
