"""What a visitor tells of themselves, and where on the website they are."""

import uuid

from django.db import transaction

from chat import origins
from chat.errors import FieldsInvalid
from chat.live.protocol.fields import Page
from chat.live.protocol.visitor import StartFields
from chat.models import Visit, Visitor
from tenants import crypto
from tenants.resolution import CompanyRef
from tenants.unseen import trimmed


def introduce(*, company: CompanyRef, visitor_id: uuid.UUID, fields: StartFields) -> str:
    """Keep what the visitor says of themselves; what is left out stays as it was.

    Returns the name they gave, '' for none. Runs inside the company. Raises FieldsInvalid, and
    then nothing is kept.
    """
    name, email, phone = map(trimmed, (fields.name, fields.email, fields.phone))
    normal_email = crypto.normalise_email(email)
    if email and not normal_email:
        raise FieldsInvalid({"email": "Write an e-mail address, such as name@example.com."})
    changed = {}
    if name:
        changed["name"] = name
    if email:
        changed["email"] = email
        changed["email_index"] = crypto.blind_index(company.schema_name, "email", normal_email)
    if phone:
        normal_phone = crypto.normalise_phone(phone)
        changed["phone"] = phone
        changed["phone_index"] = (
            crypto.blind_index(company.schema_name, "phone", normal_phone) if normal_phone else ""
        )
    if changed:
        Visitor.objects.filter(pk=visitor_id).update(**changed)
    return name


def view_page(
    *, company: CompanyRef, visitor_id: uuid.UUID, visit_id: uuid.UUID, page: Page
) -> None:
    """Keep the page the visitor is on; in health-care mode nothing of it is kept.

    A browser may name what is no address of the web (an app, a file): kept as ''. Runs inside the
    company.
    """
    if company.health_care_mode:
        return
    with transaction.atomic():
        visit = (
            Visit.objects.select_for_update(no_key=True)
            .filter(pk=visit_id, visitor_id=visitor_id)
            .first()
        )
        if visit is None:
            return
        visit.page_url, visit.page_title = origins.page_address(page.url), page.title
        visit.referrer = visit.referrer or origins.page_address(page.referrer)
        visit.save(update_fields=["page_url", "page_title", "referrer"])
