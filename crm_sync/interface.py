"""What other apps, and the demo, may ask of CRM sync."""

from crm_sync.actions.connections import activate, create, send_test_lead
from crm_sync.models import Connection


def has_live_connection() -> bool:
    """Whether the company's leads reach a CRM. Queries: 1."""
    return Connection.objects.filter(state=Connection.State.ACTIVE).exists()


__all__ = ["activate", "create", "has_live_connection", "send_test_lead"]
