"""The edge to the connectors: whatever goes wrong inside one is a failed attempt, nothing more."""

import logging

from django.conf import settings

from crm_sync.connectors.base import Connector, Incoming, Outcome, Outgoing, Result

logger = logging.getLogger("switchboard.crm")


def send(connector: Connector, outgoing: Outgoing) -> tuple[Incoming, Result]:
    """Send it within DELIVERY_DEADLINE_SECONDS. Raises nothing: a fault of ours is a Result too."""
    try:
        return connector.send(outgoing, settings.DELIVERY_DEADLINE_SECONDS)
    except Exception as error:  # noqa: BLE001  # an answer from outside ends no task
        # The type alone: a message may quote the answer, and the answer may quote the lead.
        logger.error("%s failed with %s.", connector.key, type(error).__name__)
        # It is not known how far it came.
        return Incoming(), Result(Outcome.AMBIGUOUS, "The answer could not be understood.")
