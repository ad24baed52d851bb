"""The companies' data keys, in a database of their own so that its backups can be short-lived."""

from django.db import models


class CompanyKey(models.Model):
    """One 32-byte key of one company, wrapped with the platform's key-encryption key.

    Of a company's data keys the active one encrypts; older ones still decrypt while a rotation is
    under way, and a newer one waits until every process knows it.
    """

    class Purpose(models.TextChoices):
        DATA = "data"
        INDEX = "index"

    # No foreign key: the company stands in another database.
    company_id = models.UUIDField()
    schema_name = models.CharField(max_length=63)
    purpose = models.CharField(max_length=8, choices=Purpose.choices)
    version = models.PositiveIntegerField()
    # A plain column, wrapped and unwrapped by tenants.keyring.wrapping alone, which refuses what it
    # cannot verify.
    wrapped = models.TextField()
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


class Canary(models.Model):
    """One known word under the key-encryption key: a process that cannot read it must not start."""

    id = models.PositiveSmallIntegerField(primary_key=True, default=1)
    wrapped = models.TextField()

    class Meta:
        constraints = [models.CheckConstraint(condition=models.Q(id=1), name="canary_only_one")]

    def __str__(self) -> str:
        return "canary"
