"""Lead to ADF 1.0. Pure: bytes of pure ASCII, no line longer than a mail may carry."""

import datetime
import re
import zoneinfo
from xml.sax.saxutils import escape

from lxml import etree

from chat.interface import LeadPayload, Vehicle
from crm_sync.connectors.adf.settings import Settings

SOURCE = "Switchboard"
CUT_MARK = "[cut here; the whole chat is in Switchboard]"
# RFC 5322 section 2.1.1 allows 998 bytes a line; tags and indentation need some of them.
LINE_BYTES = 900
_NOT_XML = re.compile("[^\t\n\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def document(lead: LeadPayload, settings: Settings, *, resend: bool) -> bytes:
    """One prospect. Characters beyond ASCII become numeric references, so it travels as 7bit."""
    root = etree.Element("adf")
    prospect = _add(root, "prospect", status="resend" if resend else "new")
    _add(prospect, "id", str(lead.lead_id), sequence="1", source=SOURCE)
    _add(prospect, "requestdate", request_date(lead))
    _vehicle(prospect, lead.vehicle or Vehicle(), settings.default_make)
    if lead.trade_in:
        _vehicle(prospect, lead.trade_in, "")
    _customer(prospect, lead, settings)
    vendor = _add(prospect, "vendor")
    if settings.vendor_id:
        _add(vendor, "id", settings.vendor_id, source=settings.vendor_name)
    _add(vendor, "vendorname", settings.vendor_name)
    _add(_add(vendor, "contact"), "name", settings.vendor_name, part="full", type="business")
    provider = _add(prospect, "provider")
    _add(provider, "name", SOURCE, part="full", type="business")
    _add(provider, "service", "Live chat" if lead.conversation_id else "Offline form")
    root.addprevious(etree.ProcessingInstruction("adf", 'version="1.0"'))
    etree.indent(root)
    content: bytes = etree.tostring(
        root.getroottree(), xml_declaration=True, encoding="us-ascii", pretty_print=True
    )
    return content


def request_date(lead: LeadPayload) -> str:
    """ISO 8601 with seconds and a numeric zone: the company's own wall clock."""
    try:
        zone: datetime.tzinfo = zoneinfo.ZoneInfo(lead.company.time_zone)
    except (zoneinfo.ZoneInfoNotFoundError, ValueError):
        zone = datetime.UTC
    return lead.captured_at.astimezone(zone).replace(microsecond=0).isoformat()


def comments(lead: LeadPayload, limit: int) -> str:
    """A line that says most, then notes, page and transcript; cut at `limit` with a mark."""
    blocks = [
        f"TEST LEAD, please ignore. {_summary(lead)}" if lead.test else _summary(lead),
        lead.notes,
        f"Page: {lead.page.title} {lead.page.url}".strip() if lead.page.url else "",
        "\n".join(f"{line.author or line.author_kind}: {line.text}" for line in lead.transcript),
    ]
    text = clean("\n\n".join(block for block in blocks if block))
    if len(text) > limit:
        text = text[: limit - len(CUT_MARK) - 1].rstrip() + "\n" + CUT_MARK
    return "\n".join(piece for line in text.split("\n") for piece in _fold(line))


def clean(text: str) -> str:
    """Without what XML 1.0 cannot carry; line ends are LF."""
    return _NOT_XML.sub("", text.replace("\r\n", "\n").replace("\r", "\n"))


def name_parts(name: str) -> dict[str, str]:
    """first and last of a two-part name; of any other the full one, since guessing goes wrong."""
    parts = clean(name).split()
    if len(parts) == 2:
        return {"first": _fit(parts[0]), "last": _fit(parts[1])}
    return {"full": _fit(" ".join(parts))}


def _customer(prospect: etree._Element, lead: LeadPayload, settings: Settings) -> None:
    customer = _add(prospect, "customer")
    contact = _add(customer, "contact")
    for part, text in name_parts(lead.contact.name).items():
        _add(contact, "name", text, part=part, type="individual")
    if lead.contact.email:
        preferred = {"preferredcontact": "1"} if lead.contact.preferred == "email" else {}
        _add(contact, "email", lead.contact.email, **preferred)
    if lead.contact.phone:
        preferred = {"preferredcontact": "1"} if lead.contact.preferred == "phone" else {}
        _add(
            contact,
            "phone",
            lead.contact.phone_e164 or lead.contact.phone,
            type="voice",
            **preferred,
        )
    if lead.timeframe:
        _add(_add(customer, "timeframe"), "description", lead.timeframe)
    _add(customer, "comments").text = comments(lead, settings.comments_limit)


def _vehicle(prospect: etree._Element, vehicle: Vehicle, default_make: str) -> None:
    element = _add(prospect, "vehicle", interest=vehicle.interest, status=vehicle.status)
    # Always there, empty where unknown: CRMs refuse a vehicle without them.
    _add(element, "year", vehicle.year)
    _add(element, "make", vehicle.make or default_make)
    _add(element, "model", vehicle.model)
    for name in ("vin", "stock", "trim"):
        if getattr(vehicle, name):
            _add(element, name, getattr(vehicle, name))


def _summary(lead: LeadPayload) -> str:
    wanted = lead.interest or (
        f"{lead.vehicle.interest} {lead.vehicle.year} {lead.vehicle.make} {lead.vehicle.model}"
        if lead.vehicle
        else ""
    )
    origin = "Live chat" if lead.conversation_id else "Offline form"
    return f"{origin}: {' '.join(wanted.split())}" if wanted else f"{origin} lead"


def _add(parent: etree._Element, name: str, text: str = "", /, **attributes: str) -> etree._Element:
    element = etree.SubElement(parent, name, {key: _fit(v) for key, v in attributes.items()})
    if text:
        element.text = _fit(text)
    return element


def _fit(text: str) -> str:
    """One line that fits in LINE_BYTES when encoded."""
    pieces = _fold(" ".join(clean(text).split()))
    return pieces[0] if pieces else ""


def _fold(line: str) -> list[str]:
    """The line in pieces of at most LINE_BYTES once encoded, cut at white space if it can be."""
    pieces, start, width, space = [], 0, 0, -1
    for index, character in enumerate(line):
        width += _width(character)
        if width > LINE_BYTES:
            end = space if space > start else index
            pieces.append(line[start:end])
            start = end + 1 if end == space else end
            width = sum(map(_width, line[start : index + 1]))
            space = -1
        if character == " ":
            space = index
    return [*pieces, line[start:]]


def _width(character: str) -> int:
    if character.isascii():
        return len(escape(character, {'"': "&quot;"}))
    return len(f"&#{ord(character)};")
