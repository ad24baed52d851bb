from django.core.validators import RegexValidator
from django.db import models
from django.db.models.functions import Lower


class CannedReply(models.Model):
    """A prepared answer that an agent inserts by typing `/` and its shortcut."""

    shortcut = models.CharField(
        max_length=30,
        validators=[RegexValidator(r"\A[a-z0-9-]+\Z", "Use a-z, 0-9 and hyphens.")],
    )
    title = models.CharField(max_length=80)
    body = models.TextField(max_length=4000)
    updated_at = models.DateTimeField(auto_now=True)

    class Meta:
        verbose_name_plural = "canned replies"
        ordering = ["shortcut"]
        constraints = [
            models.UniqueConstraint(Lower("shortcut"), name="canned_reply_shortcut_unique")
        ]

    def __str__(self) -> str:
        return f"/{self.shortcut}"
