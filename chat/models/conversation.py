import uuid

from django.db import models

from chat.models.visitor import Visit, Visitor
from tenants.fields import PersonReference


class Conversation(models.Model):
    """A chat between a visitor and the company's agents, from its first message to its close."""

    class State(models.TextChoices):
        QUEUED = "queued", "waiting"
        ASSIGNED = "assigned", "with an agent"
        CLOSED = "closed", "closed"

    class Phase(models.TextChoices):
        """Where its start falls in the company's day, fixed when it starts."""

        BEFORE = "before", "before hours"
        DURING = "during", "during hours"
        AFTER = "after", "after hours"
        CLOSED_DAY = "closed_day", "closed day"

    class Disposition(models.TextChoices):
        LEAD = "lead", "Lead"
        ANSWERED = "answered", "Answered"
        NO_REPLY = "no_reply", "Visitor did not reply"
        WRONG_COMPANY = "wrong_company", "Wrong company"
        SPAM = "spam", "Spam"

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    visitor = models.ForeignKey(Visitor, on_delete=models.CASCADE, related_name="conversations")
    visit = models.ForeignKey(Visit, on_delete=models.SET_NULL, null=True, related_name="+")
    # The id of the frame that started it: sent again, it starts nothing.
    start_id = models.UUIDField()
    state = models.CharField(max_length=8, choices=State.choices, default=State.QUEUED)
    phase = models.CharField(max_length=10, choices=Phase.choices)
    started_at = models.DateTimeField()
    agent = PersonReference(null=True, blank=True)
    assigned_at = models.DateTimeField(null=True)
    first_reply_at = models.DateTimeField(null=True)
    closed_at = models.DateTimeField(null=True)
    disposition = models.CharField(max_length=16, choices=Disposition.choices, blank=True)
    last_message_at = models.DateTimeField(null=True)
    # Two numberings without gaps: the desk's over all events, the visitor's over what they may see.
    last_seq = models.BigIntegerField(default=0)
    last_visitor_seq = models.BigIntegerField(default=0)
    # How far each side has read, in its own numbering.
    desk_seen_seq = models.BigIntegerField(default=0)
    visitor_seen_seq = models.BigIntegerField(default=0)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["visitor", "start_id"], name="conversation_start_once"),
            models.UniqueConstraint(
                fields=["visitor"],
                condition=~models.Q(state="closed"),
                name="conversation_one_open_per_visitor",
            ),
            models.CheckConstraint(
                condition=~models.Q(state="assigned") | models.Q(agent__isnull=False),
                name="conversation_assigned_has_agent",
            ),
            models.CheckConstraint(
                condition=models.Q(state="closed", closed_at__isnull=False)
                | (~models.Q(state="closed") & models.Q(closed_at__isnull=True)),
                name="conversation_closed_has_time",
            ),
        ]
        indexes = [
            models.Index(fields=["-started_at"], name="conversation_started_idx"),
            models.Index(
                fields=["state"],
                condition=~models.Q(state="closed"),
                name="conversation_open_idx",
            ),
        ]

    def __str__(self) -> str:
        return str(self.id)
