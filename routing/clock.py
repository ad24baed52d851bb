"""One clock for everybody who decides: the database's, so that no host's skew moves anyone."""

import datetime

from django.db import connection


def database_now() -> datetime.datetime:
    """The database's present time, aware (UTC). Queries: 1."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT clock_timestamp()")
        row = cursor.fetchone()
    now: datetime.datetime = row[0]
    return now
