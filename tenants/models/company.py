import uuid

from django.core.validators import URLValidator
from django.db import models
from django_tenants.models import DomainMixin, TenantMixin

from tenants import time_zones


class Company(TenantMixin):
    """A client company: one tenant, one schema."""

    class State(models.TextChoices):
        PROVISIONING = "provisioning", "being prepared"
        ACTIVE = "active", "active"
        SUSPENDED = "suspended", "suspended"

    class Vertical(models.TextChoices):
        GENERAL = "general", "General"
        CAR_DEALERSHIP = "car_dealership", "Car dealership"
        RETAIL = "retail", "Retail"
        HEALTH_CARE = "health_care", "Health care"

    # Schemas come from the pool of spares (tenants.actions.provisioning), never from save().
    auto_create_schema = False
    auto_drop_schema = False

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    name = models.CharField(max_length=120)
    slug = models.SlugField(
        max_length=40, unique=True, help_text="The first label of the company's host name."
    )
    website = models.URLField(
        max_length=300,
        blank=True,
        validators=[
            URLValidator(schemes=["http", "https"], message="Write it as https://www.example.com.")
        ],
    )
    time_zone = models.CharField(
        max_length=64,
        default="UTC",
        validators=[time_zones.validate],
        help_text="An IANA zone name.",
    )
    vertical = models.CharField(max_length=20, choices=Vertical.choices, default=Vertical.GENERAL)
    health_care_mode = models.BooleanField(default=False)
    state = models.CharField(max_length=16, choices=State.choices, default=State.PROVISIONING)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        verbose_name_plural = "companies"
        constraints = [
            models.CheckConstraint(
                condition=models.Q(schema_name__regex=r"^t_[0-9a-f]{32}$"),
                name="company_schema_name_opaque",
            ),
            models.CheckConstraint(
                condition=models.Q(slug__regex=r"^[a-z0-9](-?[a-z0-9])+$"),
                name="company_slug_is_host_label",
            ),
        ]

    def __str__(self) -> str:
        return self.name


class Domain(DomainMixin):
    """A host name (without port) on which a company's site answers."""

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=models.Q(domain=models.functions.Lower("domain")),
                name="domain_lower_case",
            )
        ]


class SpareSchema(models.Model):
    """A ready-made, empty company schema that waits to be renamed for a sign-up."""

    schema_name = models.CharField(max_length=63, unique=True)
    fingerprint = models.CharField(
        max_length=64, help_text="Of the migrations it was made with; a stale spare is dropped."
    )
    created_at = models.DateTimeField(auto_now_add=True)

    def __str__(self) -> str:
        return self.schema_name
