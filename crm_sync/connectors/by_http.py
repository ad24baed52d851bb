"""Sending by HTTP, for every connector that does, and what the answers mean."""

import contextlib
import datetime
import re
from collections.abc import Callable, Mapping
from email.utils import parsedate_to_datetime

from crm_sync import backoff, http
from crm_sync.connectors.base import Incoming, Outcome, Outgoing, Result
from crm_sync.errors import AddressRefused

# Python knows more, and some of them take long to decode.
_CHARSETS = ("iso", "latin", "windows", "cp", "utf", "koi8", "gb", "big5", "shift", "euc", "mac")


def result_of_answer(answer: http.Answer) -> Result:
    """What an HTTP status (RFC 9110) means for a receiver that just takes leads."""
    status = answer.status
    request_id = _request_id(answer.headers)
    wait = _retry_after(answer.headers)
    if 200 <= status < 300:
        return Result(Outcome.SUCCESS, "Accepted.", status, request_id=request_id)
    if status == 429 or (status == 503 and wait is not None):
        outcome, message = Outcome.RATE_LIMITED, "The receiver asks to wait."
    elif 300 <= status < 400:
        outcome = Outcome.CONFIG
        message = "The address redirects. Enter the address that it leads to."
        wait = None
    elif status in (401, 403):
        outcome, message = Outcome.AUTH, "The receiver does not accept our credentials."
    elif status in (400, 413, 415, 422):
        outcome, message = Outcome.PERMANENT, "The receiver refuses this lead as it is."
    else:
        outcome, message = Outcome.RETRYABLE, f"The receiver answered {status}."
    return Result(outcome, message, status, wait, request_id=request_id)


def post(
    outgoing: Outgoing,
    deadline_seconds: float,
    judge: Callable[[http.Answer], Result] = result_of_answer,
) -> tuple[Incoming, Result]:
    """POST it to its target: the answer as text, and what `judge` makes of it.

    Silence and a refused address are a Result too; nothing is raised for them.
    """
    try:
        answer = http.post(
            outgoing.target,
            body=outgoing.body,
            headers=outgoing.headers,
            deadline_seconds=deadline_seconds,
        )
    except AddressRefused as error:
        return Incoming(), Result(Outcome.CONFIG, str(error))
    except http.NoAnswer as error:
        outcome = Outcome.AMBIGUOUS if error.sent else Outcome.RETRYABLE
        return Incoming(), Result(outcome, str(error))
    return Incoming(answer.status, dict(answer.headers), _text(answer)), judge(answer)


def _text(answer: http.Answer) -> str:
    """In the charset that it declares (RFC 9110 section 8.3.2), else in UTF-8."""
    declared = re.search(
        r";\s*charset\s*=\s*[\"']?([\w.:-]{1,40})",
        answer.headers.get("content-type", ""),
        re.IGNORECASE,
    )
    if declared and declared[1].lower().startswith(_CHARSETS):
        with contextlib.suppress(LookupError, UnicodeError):
            return answer.body.decode(declared[1], "replace")
    return answer.body.decode(errors="replace")


def _retry_after(headers: Mapping[str, str]) -> float | None:
    """Seconds of a Retry-After header (RFC 9110 section 10.2.3), a number or a date.

    Between the least and the most that is ever waited; None where it is neither.
    """
    value = headers.get("retry-after", "").strip()
    if re.fullmatch(r"[0-9]{1,9}", value):
        asked = float(value)
    else:
        try:
            at = parsedate_to_datetime(value)
            if at.tzinfo is None:
                at = at.replace(tzinfo=datetime.UTC)
            asked = (at - datetime.datetime.now(datetime.UTC)).total_seconds()
        except (ValueError, TypeError, OverflowError):
            return None
    return backoff.retry_after_seconds(asked)


def _request_id(headers: Mapping[str, str]) -> str:
    """The answer's own id, where it looks like one: a header holds whatever the CRM likes."""
    for name in ("x-request-id", "x-correlation-id", "traceparent", "cf-ray"):
        if re.fullmatch(r"[A-Za-z0-9._:-]{1,64}", headers.get(name, "")):
            return headers[name]
    return ""
