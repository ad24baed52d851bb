import uuid

from django.db import connection

_DRIFT = """
    SELECT p.user_id, p.load, coalesce(sum(live.weight), 0)::int
    FROM routing_agentprofile p LEFT JOIN (
        SELECT o.agent_id, e.weight
        FROM routing_offer o JOIN routing_queueentry e ON e.id = o.entry_id
        WHERE o.state = 'offered'
        UNION ALL
        SELECT a.agent_id, e.weight
        FROM routing_assignment a JOIN routing_queueentry e ON e.id = a.entry_id
        WHERE a.ended_at IS NULL
    ) live ON live.agent_id = p.user_id
    GROUP BY p.user_id HAVING p.load <> coalesce(sum(live.weight), 0)
    ORDER BY p.user_id
"""


def drift() -> list[tuple[uuid.UUID, int, int]]:
    """Agents whose load is not the sum of their live weights: id, stored, true. Queries: 1."""
    with connection.cursor() as cursor:
        cursor.execute(_DRIFT)
        return [(agent, stored, true) for agent, stored, true in cursor.fetchall()]
