from django.db import models


class DeadTask(models.Model):
    """A task that was told to run for no company there is; kept for an operator to look into."""

    class Reason(models.TextChoices):
        COMPANY_GONE = "company_gone", "No such active company"

    # As it came: it may be no id at all.
    company_id = models.CharField(max_length=64)
    task = models.CharField(max_length=200)
    # Ids only, as every task's arguments.
    arguments = models.JSONField(default=dict)
    reason = models.CharField(max_length=20, choices=Reason.choices)
    at = models.DateTimeField(auto_now_add=True)

    def __str__(self) -> str:
        return f"{self.task} {self.reason}"
