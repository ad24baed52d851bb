"""Counts that were taken once, so that a report over years reads hours and not chats."""

from django.db import models


class Metric(models.TextChoices):
    """What is counted."""

    CHATS = "chats", "Chats"
    VISITS = "visits", "Visits"
    LEADS = "leads", "Leads"


class HourlyTraffic(models.Model):
    """How much began in one hour of the company's clock and one phase of its day.

    `start` is the moment at which that hour began, so the hour that the clocks repeat is two.
    """

    metric = models.CharField(max_length=8, choices=Metric.choices)
    start = models.DateTimeField()
    phase = models.CharField(max_length=10)
    count = models.PositiveIntegerField()

    class Meta:
        verbose_name_plural = "hourly traffic"
        constraints = [
            models.UniqueConstraint(
                fields=["metric", "start", "phase"],
                include=["count"],
                name="hourly_traffic_once",
            )
        ]

    def __str__(self) -> str:
        return f"{self.metric} {self.start:%Y-%m-%d %H:%M} {self.phase}"


class RollUp(models.Model):
    """Up to when a metric is counted, and in which zone its hours are; another zone counts anew."""

    metric = models.CharField(max_length=8, choices=Metric.choices, primary_key=True)
    until = models.DateTimeField(null=True)
    zone = models.CharField(max_length=64, blank=True)

    def __str__(self) -> str:
        return self.metric
