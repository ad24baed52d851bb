import uuid

from django.db import models

from crm_sync.models.connection import Connection
from tenants.fields import EncryptedTextField


class Delivery(models.Model):
    """One revision of a lead on its way to one connection. It ends delivered, or stays visible."""

    class State(models.TextChoices):
        PENDING = "pending", "Waiting"
        IN_PROGRESS = "in_progress", "Being sent"
        RETRY_SCHEDULED = "retry_scheduled", "Will be retried"
        HELD = "held", "Held"
        DELIVERED = "delivered", "Delivered"
        DEAD_LETTER = "dead_letter", "Failed"
        CANCELLED = "cancelled", "Superseded"

    class Hold(models.TextChoices):
        """Why a held delivery waits."""

        PAUSED = "paused", "the connection is paused"
        REAUTH_REQUIRED = "reauth_required", "the connection needs new credentials"
        DISABLED = "disabled", "the connection is switched off"
        BREAKER_OPEN = "breaker_open", "the CRM does not answer; it is probed now and then"
        BAA_MISSING = "baa_missing", "the connection has no business associate agreement on file"

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    connection = models.ForeignKey(Connection, on_delete=models.PROTECT, related_name="deliveries")
    # Chat's lead, known by its id only.
    lead_id = models.UUIDField()
    revision = models.PositiveIntegerField()
    state = models.CharField(max_length=16, choices=State.choices, default=State.PENDING)
    hold = models.CharField(max_length=16, choices=Hold.choices, blank=True)
    # Why it failed or waits, in a sentence for people; says nothing of the lead.
    reason = models.CharField(max_length=300, blank=True)
    # Steps done, each with the id the CRM gave: a retry resumes at the first that is not here.
    steps = models.JSONField(default=dict)
    external_id = models.CharField(max_length=200, blank=True)
    # Attempts that counted (a CRM's own "not now" does not), and all there were.
    attempts_counted = models.PositiveIntegerField(default=0)
    attempts_made = models.PositiveIntegerField(default=0)
    replays = models.PositiveIntegerField(default=0)
    created_at = models.DateTimeField()
    give_up_at = models.DateTimeField()
    next_attempt_at = models.DateTimeField()
    # Who sends it now: a worker that died is known by the time that passed.
    lease_id = models.UUIDField(null=True)
    lease_until = models.DateTimeField(null=True)
    delivered_at = models.DateTimeField(null=True)

    class Meta:
        verbose_name_plural = "deliveries"
        constraints = [
            models.UniqueConstraint(
                fields=["connection", "lead_id", "revision"], name="delivery_once_per_revision"
            ),
            # One at a time: a slow CRM holds one worker at most, and a lead's revisions keep order.
            models.UniqueConstraint(
                fields=["connection"],
                condition=models.Q(state="in_progress"),
                name="delivery_one_under_way",
            ),
            models.CheckConstraint(
                condition=models.Q(
                    state="in_progress", lease_id__isnull=False, lease_until__isnull=False
                )
                | (~models.Q(state="in_progress") & models.Q(lease_id__isnull=True)),
                name="delivery_lease_while_in_progress",
            ),
            models.CheckConstraint(
                condition=models.Q(state="held") & ~models.Q(hold="")
                | ~models.Q(state="held") & models.Q(hold=""),
                name="delivery_held_has_hold",
            ),
            models.CheckConstraint(
                condition=~models.Q(state="delivered") | models.Q(delivered_at__isnull=False),
                name="delivery_delivered_has_time",
            ),
        ]
        indexes = [
            models.Index(fields=["-created_at"], name="delivery_created_idx"),
            models.Index(
                fields=["connection", "state"],
                condition=~models.Q(state__in=["delivered", "cancelled"]),
                name="delivery_open_idx",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.pk} {self.state}"


class Attempt(models.Model):
    """One try to send a delivery: begun before anything leaves, so that a crash leaves a trace."""

    delivery = models.ForeignKey(Delivery, on_delete=models.CASCADE, related_name="attempts")
    number = models.PositiveIntegerField()
    step = models.CharField(max_length=30)
    started_at = models.DateTimeField()
    latency_ms = models.PositiveIntegerField(null=True)
    # '' while it is under way, or when its worker died.
    outcome = models.CharField(max_length=16, blank=True)
    status = models.PositiveIntegerField(null=True)
    message = models.CharField(max_length=300, blank=True)
    # The CRM's own id of its answer: whatever it likes, so it is kept like what people write. None
    # where it gave none, for a migration cannot encrypt a default in a schema without a company.
    request_id = EncryptedTextField(null=True)
    # JSON of what was sent and answered, without what a person wrote.
    excerpt = EncryptedTextField(default="")
    payload_hash = models.CharField(max_length=64, blank=True)

    class Meta:
        ordering = ["number"]
        constraints = [
            models.UniqueConstraint(fields=["delivery", "number"], name="attempt_number_unique")
        ]

    def __str__(self) -> str:
        return f"{self.delivery_id} #{self.number} {self.outcome}"
