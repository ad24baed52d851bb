"""Writing the audit log: in the transaction of what it tells, ids and facts only."""

import json
import uuid

from django.db import connection
from django.utils import timezone

from tenants.actor import Actor
from tenants.models import Verb

Fact = str | int | bool | None

# By hand, since nearly every action does it. The trigger fills what is left empty.
_APPEND = """
INSERT INTO public.tenants_auditevent (company_id, at, actor_kind, actor_id, verb, target_kind,
    target_id, facts, number, previous_digest, digest)
VALUES (%s, %s, %s, %s, %s, %s, %s, %s, 0, '', '')
"""


def record(
    *,
    company_id: uuid.UUID | None,
    actor: Actor,
    verb: Verb,
    target_kind: str,
    target_id: object,
    **facts: Fact,
) -> None:
    """Append one event to the chain of `company_id` (None: the platform's own chain).

    `facts` are ids, counts and states; a word that a person wrote has no place here. Call it last
    in its transaction: from here to the commit the chain is this transaction's alone, and a lock
    taken after it may meet one taken before it elsewhere.
    """
    with connection.cursor() as cursor:
        cursor.execute(
            _APPEND,
            (
                company_id,
                timezone.now(),
                actor.kind,
                actor.id,
                verb.value,
                target_kind,
                str(target_id),
                json.dumps(facts),
            ),
        )
