from django.db import models
from django.utils import timezone

from tenants.models.company import Company


class OutboxEvent(models.Model):
    """Something that happened and must be told: written in the transaction that made it true."""

    company = models.ForeignKey(Company, on_delete=models.PROTECT, related_name="+")
    topic = models.CharField(max_length=40)
    object_id = models.CharField(max_length=64)
    created_at = models.DateTimeField(default=timezone.now)
    available_at = models.DateTimeField(default=timezone.now)
    leased_until = models.DateTimeField(null=True)
    attempts = models.PositiveIntegerField(default=0)
    done_at = models.DateTimeField(null=True)
    dead_at = models.DateTimeField(null=True)

    class Meta:
        indexes = [
            models.Index(
                fields=["available_at", "id"],
                condition=models.Q(done_at__isnull=True, dead_at__isnull=True),
                name="outbox_pending_idx",
            )
        ]

    def __str__(self) -> str:
        return f"{self.topic} {self.object_id}"
