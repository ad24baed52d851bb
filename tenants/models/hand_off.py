from django.conf import settings
from django.db import models

from tenants.models.company import Company


class HandOff(models.Model):
    """A signed-in person's way from the platform site to a company's: one use, one minute."""

    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+")
    company = models.ForeignKey(Company, on_delete=models.CASCADE, related_name="+")
    token_digest = models.CharField(max_length=64, unique=True)
    expires_at = models.DateTimeField(db_index=True)

    def __str__(self) -> str:
        return f"{self.user_id} to {self.company_id}"
