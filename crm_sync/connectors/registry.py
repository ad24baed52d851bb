"""Every connector there is, in the order in which they are offered."""

from crm_sync.connectors.adf.client import Adf
from crm_sync.connectors.base import Connector
from crm_sync.connectors.webhook.client import Webhook
from crm_sync.errors import UnknownConnector

CONNECTORS: dict[str, Connector] = {connector.key: connector for connector in (Adf(), Webhook())}


def connector_of(key: str) -> Connector:
    """Raises UnknownConnector."""
    try:
        return CONNECTORS[key]
    except KeyError:
        raise UnknownConnector from None
