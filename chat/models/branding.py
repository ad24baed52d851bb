from django.core.validators import RegexValidator
from django.db import models

HEX_COLOUR = RegexValidator(r"\A#[0-9a-f]{6}\Z", "Write a colour as # and six hex digits.")


class Branding(models.Model):
    """How the company's chat looks and what it says first. One row a company."""

    class Position(models.TextChoices):
        END = "end", "Bottom right"
        START = "start", "Bottom left"

    class OutsideHours(models.TextChoices):
        OFFLINE_FORM = "offline_form", "Show a form; it becomes a lead"
        HIDE = "hide", "Hide the chat"

    singleton = models.BooleanField(primary_key=True, default=True, editable=False)
    name = models.CharField(max_length=60, help_text="Stands at the top of the chat box.")
    # The picture is re-encoded and small; in the schema it is isolated and backed up with the rest.
    logo = models.BinaryField(null=True, blank=True, editable=False)
    logo_digest = models.CharField(max_length=64, blank=True, editable=False)
    colour = models.CharField(max_length=7, default="#0b5fff", validators=[HEX_COLOUR])
    greeting = models.CharField(max_length=300, default="Hello! How can we help you?")
    offline_message = models.CharField(
        max_length=300, default="We are closed right now. Leave us a message and we will answer."
    )
    launcher_label = models.CharField(max_length=30, default="Chat with us")
    position = models.CharField(max_length=5, choices=Position.choices, default=Position.END)
    outside_hours = models.CharField(
        max_length=12, choices=OutsideHours.choices, default=OutsideHours.OFFLINE_FORM
    )
    updated_at = models.DateTimeField(auto_now=True)

    class Meta:
        verbose_name_plural = "branding"
        constraints = [
            models.CheckConstraint(condition=models.Q(singleton=True), name="branding_one_row"),
            models.CheckConstraint(
                condition=models.Q(colour__regex=r"^#[0-9a-f]{6}$"), name="branding_colour_hex"
            ),
        ]

    def __str__(self) -> str:
        return self.name


class AllowedOrigin(models.Model):
    """A website (scheme, host, port) that may show the widget."""

    origin = models.CharField(max_length=300, unique=True)
    added_at = models.DateTimeField(auto_now_add=True)

    def __str__(self) -> str:
        return self.origin


class WidgetSighting(models.Model):
    """Where the widget was loaded, allowed there or not: what the install page shows."""

    origin = models.CharField(max_length=300, unique=True)
    first_seen_at = models.DateTimeField(auto_now_add=True)
    last_seen_at = models.DateTimeField()

    def __str__(self) -> str:
        return self.origin
