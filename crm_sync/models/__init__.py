from crm_sync.models.connection import Connection
from crm_sync.models.delivery import Attempt, Delivery

__all__ = ["Attempt", "Connection", "Delivery"]
