from django.conf import settings
from django.db import models

from tenants.models.company import Company


class Role(models.TextChoices):
    OWNER = "owner", "Owner"
    ADMIN = "admin", "Admin"
    SUPERVISOR = "supervisor", "Supervisor"
    AGENT = "agent", "Agent"
    AUDITOR = "auditor", "Auditor"


class Membership(models.Model):
    """A person's one role in one company; ended, never deleted."""

    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="memberships"
    )
    company = models.ForeignKey(Company, on_delete=models.PROTECT, related_name="memberships")
    role = models.CharField(max_length=12, choices=Role.choices)
    created_at = models.DateTimeField(auto_now_add=True)
    ended_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["user", "company"],
                condition=models.Q(ended_at__isnull=True),
                name="membership_one_live_role",
            )
        ]

    def __str__(self) -> str:
        return f"{self.user_id} {self.role} of {self.company_id}"
