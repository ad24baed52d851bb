import uuid

import pytest

from routing import interface as routing
from tests.cast import Cast


@pytest.mark.django_db
def test_a_waiting_chat_is_offered_accepted_and_ended(cast: Cast) -> None:
    conversation = uuid.uuid4()
    routing.set_status(agent_id=cast.amir.pk, status="available")
    routing.renew_lease(agent_id=cast.amir.pk)
    routing.enqueue(company_id=cast.acme.id, conversation_id=conversation)

    (offer,) = routing.next_offers()
    assert (offer.company_id, offer.conversation_id, offer.agent_id, offer.auto_accept) == (
        cast.acme.id,
        conversation,
        cast.amir.pk,
        False,
    )
    assert offer.why == "The only agent who can take this chat now."
    assert routing.agent_state(cast.amir.pk).load == 1
    assert [o.offer_id for o in routing.pending_offers(cast.amir.pk)] == [offer.offer_id]

    accepted = routing.accept(offer_id=offer.offer_id, agent_id=cast.amir.pk)
    assert (accepted.company_id, accepted.conversation_id) == (cast.acme.id, conversation)
    assert routing.pending_offers(cast.amir.pk) == []
    assert [a.conversation_id for a in routing.open_assignments(cast.amir.pk)] == [conversation]

    ended = routing.end(company_id=cast.acme.id, conversation_id=conversation)
    assert ended.agent_id == cast.amir.pk
    assert routing.agent_state(cast.amir.pk).load == 0
    assert routing.open_assignments(cast.amir.pk) == []
    assert routing.next_offers() == []
