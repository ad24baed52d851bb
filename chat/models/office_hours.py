from django.db import models


class OpenInterval(models.Model):
    """When the company is open on a weekday, in its own time zone.

    `closes` at or before `opens` means the next day: 22:00-06:00; 00:00-00:00 is the whole day.
    """

    class Weekday(models.IntegerChoices):
        MONDAY = 0
        TUESDAY = 1
        WEDNESDAY = 2
        THURSDAY = 3
        FRIDAY = 4
        SATURDAY = 5
        SUNDAY = 6

    weekday = models.PositiveSmallIntegerField(choices=Weekday.choices)
    opens = models.TimeField()
    closes = models.TimeField()

    class Meta:
        ordering = ["weekday", "opens"]
        constraints = [
            models.UniqueConstraint(fields=["weekday", "opens"], name="open_interval_unique"),
            models.CheckConstraint(
                condition=models.Q(weekday__range=(0, 6)), name="open_interval_weekday"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.get_weekday_display()} {self.opens:%H:%M}-{self.closes:%H:%M}"


class HoursException(models.Model):
    """A date on which the weekly hours do not hold: a holiday (closed) or a one-off day.

    Closed: both times empty. Open: from `opens` to `closes`; several rows make several intervals.
    """

    date = models.DateField()
    name = models.CharField(max_length=80, blank=True)
    opens = models.TimeField(null=True, blank=True)
    closes = models.TimeField(null=True, blank=True)

    class Meta:
        ordering = ["date", "opens"]
        constraints = [
            models.UniqueConstraint(
                fields=["date", "opens"], name="hours_exception_unique", nulls_distinct=False
            ),
            models.CheckConstraint(
                condition=models.Q(opens__isnull=True, closes__isnull=True)
                | models.Q(opens__isnull=False, closes__isnull=False),
                name="hours_exception_both_or_neither",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.date} {self.name}"
