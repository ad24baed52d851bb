"""What a piece of work said to the database."""

import itertools
import re

from django.test.utils import CaptureQueriesContext

_WRITE = re.compile(r'\s*(?:INSERT INTO|UPDATE|DELETE FROM) (?:"?public"?\.)?"?(\w+)')


def written_after_audit(captured: CaptureQueriesContext) -> list[str]:
    """The tables that were written to between the audit log and the end of that transaction.

    For a test in a transaction of its own, where each end releases a savepoint.
    """
    said = [query["sql"] for query in captured]
    first = next(n for n, sql in enumerate(said) if "INTO public.tenants_auditevent" in sql)
    rest = itertools.takewhile(lambda sql: not sql.startswith("RELEASE"), said[first + 1 :])
    return [match[1] for match in map(_WRITE.match, rest) if match]
