"""What waits and who was asked: ids, skills and times, never a word of a conversation."""

import uuid

from django.contrib.postgres.fields import ArrayField
from django.db import models

from routing.models.agent import AgentProfile
from tenants.models import Company


class QueueEntry(models.Model):
    """One conversation's place in the queue, for as long as the conversation is open.

    A conversation that goes back to the queue keeps its entry and so its age.
    """

    class State(models.TextChoices):
        WAITING = "waiting"
        OFFERED = "offered"
        ASSIGNED = "assigned"
        ENDED = "ended"

    company = models.ForeignKey(Company, on_delete=models.PROTECT, related_name="+")
    conversation_id = models.UUIDField()
    state = models.CharField(max_length=8, choices=State.choices, default=State.WAITING)
    enqueued_at = models.DateTimeField()
    priority = models.SmallIntegerField(default=0)
    # enqueued_at moved forward by the priority: ageing is linear, so the order never changes.
    turn_at = models.DateTimeField()
    weight = models.PositiveSmallIntegerField(default=1)
    # [[skill key, level], …]; preferred ones in order of importance, the last is given up first.
    required_skills = models.JSONField(default=list)
    preferred_skills = models.JSONField(default=list)
    # Beside the company's own health-care mode, which is asked at every decision.
    requires_clearance = models.BooleanField(default=False)
    last_agent = models.ForeignKey(
        AgentProfile, on_delete=models.SET_NULL, null=True, related_name="+"
    )
    # Asked in this round and did not take it; cleared when nobody else is left.
    excluded_agents = ArrayField(models.UUIDField(), default=list)
    rounds = models.PositiveSmallIntegerField(default=0)
    attempts = models.PositiveIntegerField(default=0)
    # Why nobody could be asked at the last look: a routing.values.Reason.
    blocked_reason = models.CharField(max_length=24, blank=True)
    ended_at = models.DateTimeField(null=True)

    class Meta:
        verbose_name_plural = "queue entries"
        constraints = [
            models.UniqueConstraint(
                fields=["company", "conversation_id"], name="queue_entry_one_per_conversation"
            ),
            models.CheckConstraint(
                condition=models.Q(weight__range=(1, 20)), name="queue_entry_weight_range"
            ),
            models.CheckConstraint(
                condition=models.Q(state="ended", ended_at__isnull=False)
                | (~models.Q(state="ended") & models.Q(ended_at__isnull=True)),
                name="queue_entry_ended_has_time",
            ),
        ]
        indexes = [
            models.Index(
                fields=["turn_at", "enqueued_at", "id"],
                condition=models.Q(state="waiting"),
                name="queue_order_idx",
            ),
            models.Index(
                fields=["company", "turn_at"],
                condition=models.Q(state="waiting"),
                name="queue_company_idx",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.company_id} {self.conversation_id}"


class Offer(models.Model):
    """One agent asked to take one conversation, and why they were the one."""

    class State(models.TextChoices):
        OFFERED = "offered"
        ACCEPTED = "accepted"
        DECLINED = "declined"
        EXPIRED = "expired"
        WITHDRAWN = "withdrawn"

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    entry = models.ForeignKey(QueueEntry, on_delete=models.CASCADE, related_name="offers")
    agent = models.ForeignKey(AgentProfile, on_delete=models.CASCADE, related_name="+")
    state = models.CharField(max_length=9, choices=State.choices, default=State.OFFERED)
    auto_accept = models.BooleanField(default=False)
    offered_at = models.DateTimeField()
    expires_at = models.DateTimeField()
    decided_at = models.DateTimeField(null=True)
    # routing.matching.Decision as JSON: candidates with their ranks, and why each other lost.
    decision = models.JSONField(default=dict)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["entry"],
                condition=models.Q(state="offered"),
                name="offer_one_live_per_entry",
            ),
            models.CheckConstraint(
                condition=models.Q(state="offered", decided_at__isnull=True)
                | (~models.Q(state="offered") & models.Q(decided_at__isnull=False)),
                name="offer_decided_has_time",
            ),
        ]
        indexes = [
            models.Index(
                fields=["expires_at"],
                condition=models.Q(state="offered"),
                name="offer_expiry_idx",
            ),
            models.Index(
                fields=["agent"], condition=models.Q(state="offered"), name="offer_live_agent_idx"
            ),
        ]

    def __str__(self) -> str:
        return str(self.id)


class Assignment(models.Model):
    """An agent serves a conversation, from acceptance until it ends or goes back to the queue."""

    class EndReason(models.TextChoices):
        CLOSED = "closed", "Closed"
        REQUEUED = "requeued", "Back to the queue"
        ABSENT = "absent", "Agent's connection lost"
        TRANSFERRED = "transferred", "Transferred"

    entry = models.ForeignKey(QueueEntry, on_delete=models.CASCADE, related_name="assignments")
    agent = models.ForeignKey(AgentProfile, on_delete=models.PROTECT, related_name="+")
    offer = models.OneToOneField(Offer, on_delete=models.PROTECT, related_name="+")
    started_at = models.DateTimeField()
    ended_at = models.DateTimeField(null=True)
    end_reason = models.CharField(max_length=11, choices=EndReason.choices, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["entry"],
                condition=models.Q(ended_at__isnull=True),
                name="assignment_one_live_per_entry",
            ),
            models.CheckConstraint(
                condition=models.Q(ended_at__isnull=True, end_reason="")
                | (models.Q(ended_at__isnull=False) & ~models.Q(end_reason="")),
                name="assignment_ended_has_reason",
            ),
        ]
        indexes = [
            models.Index(
                fields=["agent"],
                condition=models.Q(ended_at__isnull=True),
                name="assignment_live_agent_idx",
            )
        ]

    def __str__(self) -> str:
        return f"{self.agent_id} {self.entry_id}"
