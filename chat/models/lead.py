import uuid

from django.db import models
from django.utils import timezone

from chat.models.conversation import Conversation
from tenants.fields import BlindIndexField, EncryptedTextField, PersonReference


class Lead(models.Model):
    """A captured prospect. Its id is the idempotency key towards every CRM."""

    class Source(models.TextChoices):
        CHAT = "chat", "Chat"
        OFFLINE_FORM = "offline_form", "Offline form"

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    conversation = models.OneToOneField(
        Conversation, on_delete=models.SET_NULL, null=True, blank=True, related_name="lead"
    )
    source = models.CharField(max_length=12, choices=Source.choices)
    # The id of the frame or form that made it: sent again, it makes no second one.
    client_id = models.UUIDField(unique=True)
    phase = models.CharField(max_length=10, choices=Conversation.Phase.choices)
    revision = models.PositiveIntegerField(default=1)
    captured_at = models.DateTimeField(default=timezone.now)
    captured_by = PersonReference(null=True, blank=True)
    email_index = BlindIndexField()
    phone_index = BlindIndexField()

    class Meta:
        indexes = [models.Index(fields=["-captured_at"], name="lead_captured_idx")]

    def __str__(self) -> str:
        return str(self.id)


class LeadRevision(models.Model):
    """What the lead said at one revision, frozen: the canonical payload `lead/1` as JSON."""

    lead = models.ForeignKey(Lead, on_delete=models.CASCADE, related_name="revisions")
    number = models.PositiveIntegerField()
    payload = EncryptedTextField()
    at = models.DateTimeField(auto_now_add=True)
    by = PersonReference(null=True, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["lead", "number"], name="lead_revision_unique")
        ]

    def __str__(self) -> str:
        return f"{self.lead_id} r{self.number}"
