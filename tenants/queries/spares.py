from tenants.models import SpareSchema
from tenants.schemas import fingerprint


def spare_is_ready() -> bool:
    """Whether a sign-up would only rename a schema, in milliseconds. Queries: 1."""
    return SpareSchema.objects.filter(fingerprint=fingerprint()).exists()
