from django.db import models

from chat.models.conversation import Conversation
from tenants.fields import EncryptedTextField


class Event(models.Model):
    """One durable event of a conversation: a message, a note or a change, in the order it happened.

    `body` is the JSON of the protocol's event, encrypted: what was said and by whom.
    `visitor_seq` is null for what the visitor may not see.
    """

    class Kind(models.TextChoices):
        MESSAGE = "message"
        NOTE = "note"
        CONVERSATION_CHANGED = "conversation.changed"
        LEAD_CHANGED = "lead.changed"
        RATED = "rated"

    class AuthorKind(models.TextChoices):
        VISITOR = "visitor"
        AGENT = "agent"
        GREETER = "greeter"
        SYSTEM = "system"

    # Without an index of its own: that of (conversation, seq) begins with it.
    conversation = models.ForeignKey(
        Conversation, on_delete=models.CASCADE, related_name="events", db_index=False
    )
    seq = models.BigIntegerField()
    visitor_seq = models.BigIntegerField(null=True)
    kind = models.CharField(max_length=20, choices=Kind.choices)
    author_kind = models.CharField(max_length=8, choices=AuthorKind.choices)
    author_id = models.UUIDField(null=True)
    # The id of the client's frame: sent again, it has no second effect. Null for our own events.
    client_id = models.UUIDField(null=True)
    body = EncryptedTextField()
    at = models.DateTimeField(db_default=models.functions.Now())

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["conversation", "seq"], name="event_seq_unique"),
            models.UniqueConstraint(
                fields=["conversation", "visitor_seq"], name="event_visitor_seq_unique"
            ),
            models.UniqueConstraint(
                fields=["conversation", "author_kind", "client_id"], name="event_client_id_unique"
            ),
            models.CheckConstraint(
                condition=~models.Q(kind="note") | models.Q(visitor_seq__isnull=True),
                name="event_note_hidden_from_visitor",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.conversation_id} {self.seq}"
