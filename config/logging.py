"""JSON logs that tell where and which, never what was said."""

import datetime
import json
import logging

from tenants.log_context import log_context

_EXTRA = ("status", "code", "duration_ms", "count", "delivery_id", "topic")


class ContextFilter(logging.Filter):
    """Adds the ids of the piece of work; keeps the texts of task errors out of the lines."""

    def filter(self, record: logging.LogRecord) -> bool:
        record.context = log_context.get()
        if record.name == "celery.app.trace" and isinstance(record.args, dict):
            error = record.exc_info[0] if record.exc_info else None
            hidden = error.__name__ if error else "(not shown)"
            record.args = {**record.args, "exc": hidden, "return_value": hidden}
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


def _frames(traceback: object) -> list[str]:
    frames = []
    while traceback is not None:
        code = traceback.tb_frame.f_code  # type: ignore[attr-defined]
        frames.append(f"{code.co_filename}:{traceback.tb_lineno} {code.co_name}")  # type: ignore[attr-defined]
        traceback = traceback.tb_next  # type: ignore[attr-defined]
    return frames[-12:]
