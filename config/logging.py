"""JSON logs that tell where and which, never what was said."""

import datetime
import http.client
import json
import logging
import re
import sys
import traceback
from types import TracebackType

from tenants.log_context import log_context

_EXTRA = ("conversation", "status", "code", "duration_ms", "count", "delivery_id", "topic")
# What an event loop says comes before the callback or the task that it says it of.
_FIRST_WORDS = re.compile(r"[A-Za-z' ]*[A-Za-z]")


class ContextFilter(logging.Filter):
    """Adds the ids of the piece of work; keeps secrets and what people wrote out of the lines."""

    def filter(self, record: logging.LogRecord) -> bool:
        record.context = log_context.get()
        if record.name == "celery.app.trace":
            _hide_results(record)
        elif record.name.startswith("django.") and hasattr(record, "status_code"):
            _name_route(record)
        elif record.name == "asyncio":
            found = _FIRST_WORDS.match(record.getMessage())
            record.msg, record.args = found[0] if found else "(not shown)", ()
        elif record.name.startswith("daphne."):
            _name_types(record)
        return True


class JsonFormatter(logging.Formatter):
    """One JSON object a line. Of an exception it prints type and frames, not its message.

    An exception's message may carry what a person wrote (a constraint's detail does).
    """

    def format(self, record: logging.LogRecord) -> str:
        at = datetime.datetime.fromtimestamp(record.created, datetime.UTC)
        line: dict[str, object] = {
            "at": at.isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
            **getattr(record, "context", {}),
        }
        for name in _EXTRA:
            if hasattr(record, name):
                line[name] = getattr(record, name)
        if record.exc_info and record.exc_info[0]:
            line["exception"] = record.exc_info[0].__name__
            line["frames"] = _frames(record.exc_info[2])
        return json.dumps(line, ensure_ascii=False, default=str)


def _hide_results(record: logging.LogRecord) -> None:
    if isinstance(record.args, dict):
        error = record.exc_info[0] if record.exc_info else None
        hidden = error.__name__ if error else "(not shown)"
        record.args = {**record.args, "exc": hidden, "return_value": hidden}


def _name_route(record: logging.LogRecord) -> None:
    """Django words these lines with the path, which may hold a token, or with the Referer."""
    request, status = getattr(record, "request", None), getattr(record, "status_code", 0)
    match = getattr(request, "resolver_match", None)
    record.msg = "%s: %s"
    record.args = (
        http.client.responses.get(status, status),
        match.view_name if match else "(no route)",
    )
    record.status = status
    if match and "conversation_id" in match.kwargs:
        record.conversation = match.kwargs["conversation_id"]


def _name_types(record: logging.LogRecord) -> None:
    """daphne prints exceptions, requests with their address, and whole tracebacks."""
    if isinstance(record.args, tuple):
        record.args = tuple(
            one if isinstance(one, int) else type(one).__name__ for one in record.args
        )
    if not isinstance(record.msg, str):
        record.msg = type(record.msg).__name__
    if "Traceback" in record.msg:
        record.msg = "Exception in daphne."
        record.exc_info = record.exc_info or sys.exc_info()


def _frames(innermost: TracebackType | None) -> list[str]:
    """Where it was: file, line and function of the last calls; no line of code, no value."""
    calls = traceback.walk_tb(innermost)
    found = traceback.StackSummary.extract(calls, limit=-12, lookup_lines=False)
    return [f"{call.filename}:{call.lineno} {call.name}" for call in found]
