"""The companies' data keys, in a database of their own so that its backups can be short-lived."""

from django.db import models
from encrypted_model_fields.fields import EncryptedTextField


class CompanyKey(models.Model):
    """One 32-byte key of one company, wrapped with the platform's key-encryption key."""

    class Purpose(models.TextChoices):
        DATA = "data"
        INDEX = "index"

    # No foreign key: the company stands in another database.
    company_id = models.UUIDField()
    schema_name = models.CharField(max_length=63)
    purpose = models.CharField(max_length=8, choices=Purpose.choices)
    version = models.PositiveIntegerField()
    wrapped = EncryptedTextField()
    is_active = models.BooleanField(default=True)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["schema_name", "purpose", "version"], name="company_key_version_unique"
            ),
            models.UniqueConstraint(
                fields=["schema_name", "purpose"],
                condition=models.Q(is_active=True),
                name="company_key_one_active",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.schema_name} {self.purpose} v{self.version}"
