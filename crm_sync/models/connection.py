import uuid

from django.db import models

from tenants.fields import EncryptedTextField


class Connection(models.Model):
    """The company's account at one CRM: where leads go, with which secrets, and how it fares.

    `settings` and `credentials` are JSON of the connector's own types (connectors.<key>.settings).
    """

    class State(models.TextChoices):
        DRAFT = "draft", "Draft"
        ACTIVE = "active", "Active"
        PAUSED = "paused", "Paused"
        REAUTH_REQUIRED = "reauth_required", "Needs new credentials"
        DISABLED = "disabled", "Switched off"

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    connector = models.CharField(max_length=30)
    name = models.CharField(max_length=80)
    state = models.CharField(max_length=16, choices=State.choices, default=State.DRAFT)
    # Why it is not active, in a sentence for people; says nothing of any lead.
    state_reason = models.CharField(max_length=200, blank=True)
    settings = EncryptedTextField(default="{}")
    credentials = EncryptedTextField(default="{}")
    # The business associate agreement that lets health information go there (45 CFR 164.504(e)).
    baa_reference = models.CharField(max_length=120, blank=True)
    tested_at = models.DateTimeField(null=True)
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)
    # The breaker: failures in a row, since when, and until when nothing is tried.
    failures = models.PositiveIntegerField(default=0)
    failing_since = models.DateTimeField(null=True)
    open_until = models.DateTimeField(null=True)
    probe_seconds = models.PositiveIntegerField(default=0)
    last_success_at = models.DateTimeField(null=True)

    class Meta:
        ordering = ["created_at"]
        constraints = [
            models.CheckConstraint(
                condition=~models.Q(state="active") | models.Q(tested_at__isnull=False),
                name="connection_active_was_tested",
            ),
            models.CheckConstraint(
                condition=models.Q(failures=0, failing_since__isnull=True)
                | models.Q(failures__gt=0, failing_since__isnull=False),
                name="connection_failing_has_start",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.connector} {self.pk}"
