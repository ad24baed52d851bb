"""Our own check of an ADF document and its mail: what a dealer's CRM would not understand.

A CRM that cannot read the XML often files a nameless lead instead of refusing it, so nothing is
sent that breaks a rule.
"""

import email
import email.policy
import re
from collections.abc import Iterator
from email.message import Message

from lxml import etree

from chat.interface import LeadPayload
from crm_sync.connectors.adf import mapping
from crm_sync.connectors.adf.grammar import Element, element
from crm_sync.connectors.adf.message import SUBJECT, TEST_SUBJECT
from crm_sync.connectors.adf.settings import Settings

_DATE = re.compile(r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d([+-]\d\d:\d\d|Z)$")
_MAIL_LINE = 998


def document_problems(
    content: bytes, lead: LeadPayload, settings: Settings, *, resend: bool
) -> list[str]:
    """Every broken rule, by its number in docs/adf.md; [] for a document that may go."""
    if not content.startswith(b"<?xml "):
        return ["1: The first bytes are not the XML declaration."]
    try:
        root = etree.fromstring(content, _parser())
    except etree.XMLSyntaxError:
        return ["1: This is not XML 1.0."]
    return [
        *_shape_problems(root),
        *_grammar_problems(root),
        *_lead_problems(root, lead, settings, resend=resend),
    ]


def message_problems(raw: bytes, content: bytes) -> list[str]:
    """Every broken rule of the mail that carries `content`."""
    message = email.message_from_bytes(raw, policy=email.policy.default)
    problems = []
    if message.is_multipart() or message.get_content_type() != "text/plain":
        problems.append("18: The mail is not one text/plain part.")
    elif str(message.get("content-transfer-encoding", "7bit")).lower() != "7bit":
        problems.append("18: The mail is not sent as 7bit.")
    elif _body(message) != content:
        problems.append("18: The mail holds something else than the XML.")
    if any(len(line) > _MAIL_LINE for line in raw.splitlines()):
        problems.append("18: A line is longer than mail allows.")
    headers = raw.replace(b"\r\n", b"\n").partition(b"\n\n")[0].decode("ascii", "replace")
    names = [
        line.partition(":")[0].lower() for line in headers.split("\n") if line[:1] not in " \t"
    ]
    if len(names) != len(set(names)) or set(names) - _HEADERS:
        problems.append("19: The mail has a header that we did not write.")
    if message.get("subject") not in (SUBJECT, TEST_SUBJECT):
        problems.append("21: The subject is not one of ours, which tell nothing of the person.")
    return problems


_HEADERS = frozenset(
    [
        "from", "to", "subject", "date", "message-id", "mime-version", "content-type",
        "content-transfer-encoding", "auto-submitted",
    ]
)  # fmt: skip


def _body(message: Message) -> bytes:
    body = message.get_payload(decode=True)
    return body.replace(b"\r\n", b"\n") if isinstance(body, bytes) else b""


def _parser() -> etree.XMLParser:
    return etree.XMLParser(resolve_entities=False, no_network=True, load_dtd=False)


def _shape_problems(root: etree._Element) -> Iterator[str]:
    instructions = [
        node
        for node in root.itersiblings(preceding=True)
        if isinstance(node, etree._ProcessingInstruction) and node.target == "adf"  # noqa: SLF001
    ]
    if len(instructions) != 1 or instructions[0].get("version") != "1.0":
        yield '2: There must be exactly one <?adf version="1.0"?>.'
    if root.tag != "adf" or root.nsmap or root.getroottree().docinfo.doctype:
        yield "3: The root must be a plain adf, without namespace and DOCTYPE."
    if len(root.findall("prospect")) != 1:
        yield "4: There must be exactly one prospect."


def _grammar_problems(root: etree._Element) -> Iterator[str]:
    for node in root.iter():
        if not isinstance(node.tag, str):
            yield "6: There is a comment or an instruction inside."
            continue
        rules = element(node.tag)
        if rules is None:
            yield f"6: There is no element {node.tag}."
            continue
        yield from _attribute_problems(node.tag, node, rules)
        yield from _child_problems(node.tag, node, rules)


def _attribute_problems(tag: str, node: etree._Element, rules: Element) -> Iterator[str]:
    given = {str(name): str(value) for name, value in node.attrib.items()}
    for name, value in given.items():
        if name not in rules.attributes:
            yield f"6: {tag} has no attribute {name}."
            continue
        allowed = rules.attributes[name]
        if allowed is not None and value not in allowed:
            yield f"7: {name} of {tag} must be one of {', '.join(sorted(allowed))}."
    for name in rules.required - given.keys():
        yield f"10: {tag} needs the attribute {name}."


def _child_problems(tag: str, node: etree._Element, rules: Element) -> Iterator[str]:
    names = [str(child.tag) for child in node if isinstance(child.tag, str)]
    if not rules.children:
        if names:
            yield f"5: {tag} holds text only."
        return
    order = {child.name: place for place, child in enumerate(rules.children)}
    places = [order[name] for name in names if name in order]
    if len(places) != len(names) or places != sorted(places):
        yield f"5: What stands in {tag} is out of order."
    for child in rules.children:
        if not child.least <= names.count(child.name) <= child.most:
            yield f"5: {tag} has {names.count(child.name)} of {child.name}."


def _lead_problems(
    root: etree._Element, lead: LeadPayload, settings: Settings, *, resend: bool
) -> Iterator[str]:
    prospect = root.find("prospect")
    if prospect is None:
        return
    if prospect.get("status", "new") != ("resend" if resend else "new"):
        yield "8: The status must be new the first time and resend when a person sends it again."
    date = prospect.findtext("requestdate", "")
    if not _DATE.match(date) or date != mapping.request_date(lead):
        yield "9: The date must be the lead's, as 2026-11-22T08:40:00-06:00."
    ours = [node for node in prospect.findall("id") if node.get("sequence") == "1"]
    if [(node.text, node.get("source")) for node in ours] != [(str(lead.lead_id), mapping.SOURCE)]:
        yield "10: The first id must be the lead's."
    yield from _contact_problems(prospect, lead)
    if any(not re.fullmatch(r"(\d{4})?", node.text or "") for node in prospect.iter("year")):
        yield "13: A year has four digits or is empty."
    if not prospect.findtext("vendor/vendorname", "").strip():
        yield "14: The dealer's name is missing."
    if prospect.findtext("provider/name", "") != mapping.SOURCE:
        yield "15: The provider must be us."
    yield from _text_problems(prospect, lead, settings)


def _contact_problems(prospect: etree._Element, lead: LeadPayload) -> Iterator[str]:
    contact = prospect.find("customer/contact")
    if contact is None:
        return
    parts = {node.get("part", "full"): node.text or "" for node in contact.findall("name")}
    reach = [*contact.findall("email"), *contact.findall("phone")]
    if not any(parts.values()) or not any(node.text for node in reach):
        yield "11: The customer needs a name and an e-mail address or a phone number."
    if set(parts) not in ({"full"}, {"first", "last"}):
        yield "12: A name is either one full or a first and a last part."
    if parts != mapping.name_parts(lead.contact.name):
        yield "17: The name does not read back as it was."
    for tag, sent in (
        ("email", lead.contact.email),
        ("phone", lead.contact.phone and (lead.contact.phone_e164 or lead.contact.phone)),
    ):
        if contact.findtext(tag, "") != " ".join(mapping.clean(sent).split()):
            yield f"17: The {tag} does not read back as it was."


def _text_problems(
    prospect: etree._Element, lead: LeadPayload, settings: Settings
) -> Iterator[str]:
    said = prospect.findtext("customer/comments", "")
    if said != mapping.comments(lead, settings.comments_limit):
        yield "17: The comments do not read back as they were."
    # Folding may add a line end for each line that is too long; the limit is on what was said.
    if len(said.replace("\n", "")) > settings.comments_limit:
        yield "20: The comments are longer than the limit."
    wanted = [vehicle.interest for vehicle in (lead.vehicle, lead.trade_in) if vehicle]
    sent = [node.get("interest", "buy") for node in prospect.findall("vehicle")]
    if wanted and sent[-len(wanted) :] != wanted:
        yield "17: The vehicles do not read back as they were."
