"""One clock for everybody who decides: the database's, so that no host's skew moves anyone."""

import datetime
from typing import Any

from django.db import connection, models


def database_now() -> datetime.datetime:
    """The database's present time, aware (UTC). Queries: 1."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT clock_timestamp()")
        row = cursor.fetchone()
    now: datetime.datetime = row[0]
    return now


class ClockTimestamp(models.Func):
    """The present inside a statement, where Now() is the start of the transaction."""

    template = "clock_timestamp()"
    output_field = models.DateTimeField()


def moved(moment: models.Expression, seconds: float) -> "models.ExpressionWrapper[Any]":
    """`moment` and so many seconds, computed by the database."""
    by = models.Value(datetime.timedelta(seconds=seconds), output_field=models.DurationField())
    return models.ExpressionWrapper(moment + by, models.DateTimeField())
