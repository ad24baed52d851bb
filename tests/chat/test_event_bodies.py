"""Opening stored events: what is gone as a whole is no damage of one."""

import pytest

from chat.queries import thread
from tenants.context import in_company
from tenants.keyring import store
from tests.cast import Cast
from tests.chat.desk.builders import conversation


@pytest.mark.django_db
def test_the_events_of_a_company_without_keys_are_not_shown_as_damaged(cast: Cast) -> None:
    made = conversation(cast.acme, said=("one",))
    kept = conversation(cast.initech, said=("two",))
    store.shred(cast.acme.schema_name)
    with in_company(cast.acme), pytest.raises(store.KeyGone):
        thread.events_after(made.pk, 0, for_visitor=True)
    with in_company(cast.initech):
        (event,) = thread.events_after(kept.pk, 0, for_visitor=True)
    assert event.body["text"] == "two"
