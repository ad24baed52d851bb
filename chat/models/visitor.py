import uuid

from django.db import models

from tenants.fields import (
    BlindIndexField,
    EncryptedCharField,
    EncryptedEmailField,
    EncryptedTextField,
)


class Visitor(models.Model):
    """A person on the company's website, known by a random id until they say who they are."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    # SHA-256 of the secret that renews the visitor's short-lived token.
    secret_digest = models.CharField(max_length=64, unique=True)
    name = EncryptedCharField(max_length=120, blank=True, default="")
    email = EncryptedEmailField(blank=True, default="")
    phone = EncryptedCharField(max_length=40, blank=True, default="")
    email_index = BlindIndexField()
    phone_index = BlindIndexField()
    first_seen_at = models.DateTimeField(auto_now_add=True)
    last_seen_at = models.DateTimeField(auto_now=True)

    def __str__(self) -> str:
        return str(self.id)


class Visit(models.Model):
    """One stay of a visitor on the company's website."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    visitor = models.ForeignKey(Visitor, on_delete=models.CASCADE, related_name="visits")
    started_at = models.DateTimeField(auto_now_add=True)
    origin = models.CharField(max_length=300)
    page_url = EncryptedTextField(blank=True, default="")
    page_title = EncryptedTextField(blank=True, default="")
    referrer = EncryptedTextField(blank=True, default="")
    user_agent = EncryptedTextField(blank=True, default="")

    def __str__(self) -> str:
        return str(self.id)
