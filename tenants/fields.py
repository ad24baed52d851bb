"""Fields that keep what people write and who they are unreadable at rest.

Built on django-encrypted-model-fields, made safe: input is never decrypted, a value that cannot be
verified raises, expressions and lookups are refused, and the key is the company's own, chosen by
the schema of the very connection that runs the statement.
"""

from typing import Any

from django.conf import settings
from django.core import checks
from django.core.exceptions import FieldError
from django.db import DataError, models
from django.db.models import Case, Value
from django.db.models.functions import Cast
from encrypted_model_fields import fields as package

from tenants import crypto


class CompanyEncryptedMixin(package.EncryptedMixin):
    model: type[models.Model]
    name: str

    @property
    def label(self) -> str:
        """The name under which the column's key is derived: `app.model.field`."""
        return f"{self.model._meta.label_lower}.{self.name}"

    def to_python(self, value: Any) -> Any:
        # The package decrypts here, so a pasted token would be read back as its text.
        return super(package.EncryptedMixin, self).to_python(value)  # type: ignore[misc]

    def from_db_value(self, value: str | None, expression: Any, connection: Any) -> Any:
        if value is None:
            return None
        return self.to_python(crypto.decrypt(connection.schema_name, self.label, value))

    def get_db_prep_save(self, value: Any, connection: Any) -> Any:
        if value is None:
            return None
        if hasattr(value, "as_sql"):
            if not self._is_bulk_update(value):
                raise FieldError(f"{self.label} is encrypted: it takes no expression.")
            return value
        text = str(self.get_prep_value(value))  # type: ignore[attr-defined]
        # The column is text, whatever the length of what was encrypted: nobody else would refuse.
        if self.max_length is not None and len(text) > self.max_length:  # type: ignore[attr-defined]
            raise DataError(f"{self.label} takes {self.max_length} characters.")  # type: ignore[attr-defined]
        return crypto.encrypt(connection.schema_name, self.label, text)

    def _is_bulk_update(self, value: Any) -> bool:
        """True for the one expression bulk_update builds: a CASE of values of this very field."""
        this: Any = self
        inner = value.source_expressions[0] if isinstance(value, Cast) else value
        return (
            isinstance(inner, Case)
            and isinstance(inner.default, Value)
            and inner.default.value is None
            and all(
                isinstance(when.result, Value) and when.result.output_field is this
                for when in inner.cases
            )
        )

    def get_lookup(self, lookup_name: str) -> Any:
        if lookup_name != "isnull":
            raise FieldError(f"{self.label} is encrypted: look it up by its blind index.")
        return super().get_lookup(lookup_name)  # type: ignore[misc]

    def get_transform(self, name: str) -> Any:
        raise FieldError(f"{self.label} is encrypted: it has no transforms.")

    def check(self, **kwargs: Any) -> list[checks.CheckMessage]:
        errors: list[checks.CheckMessage] = super().check(**kwargs)  # type: ignore[misc]
        if self.unique or self.db_index or self.primary_key:  # type: ignore[attr-defined]
            errors.append(
                checks.Error(
                    "An encrypted field cannot be unique or indexed; add a blind index.",
                    obj=self,
                    id="tenants.E001",
                )
            )
        if self.model._meta.app_config.name not in settings.TENANT_APPS:
            errors.append(
                checks.Error(
                    "An encrypted field stands only in a company's schema: its key is theirs.",
                    obj=self,
                    id="tenants.E002",
                )
            )
        return errors


class EncryptedTextField(CompanyEncryptedMixin, package.EncryptedTextField):
    """Text of any length."""


class EncryptedCharField(CompanyEncryptedMixin, package.EncryptedCharField):
    """Text of at most `max_length` characters, counted before encryption."""

    def deconstruct(self) -> Any:
        name, path, args, kwargs = super().deconstruct()  # type: ignore[no-untyped-call]
        return name, path, args, {**kwargs, "max_length": self.max_length}


class EncryptedEmailField(CompanyEncryptedMixin, package.EncryptedEmailField):
    """An e-mail address."""


class BlindIndexField(models.CharField):  # type: ignore[type-arg]
    """HMAC of a normalised e-mail or phone number (tenants.crypto.blind_index): exact lookup."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        kwargs.update(max_length=64, db_index=True, editable=False)
        kwargs.setdefault("blank", True)
        kwargs.setdefault("default", "")
        super().__init__(*args, **kwargs)


class PersonReference(models.ForeignKey):  # type: ignore[type-arg]
    """A person (public schema) referred to from a company's schema.

    No constraint and no action on delete: PostgreSQL cannot resolve a company's tables from the
    public schema, and people are erased in place, never deleted.
    """

    def __init__(self, **kwargs: Any) -> None:
        kwargs.update(
            to=settings.AUTH_USER_MODEL,
            on_delete=models.DO_NOTHING,
            db_constraint=False,
            related_name="+",
        )
        super().__init__(**kwargs)
