"""Ids that every log line of a piece of work carries: request, company, conversation, task."""

import contextlib
import contextvars
import types
from collections.abc import Iterator, Mapping

log_context: contextvars.ContextVar[Mapping[str, str]] = contextvars.ContextVar(
    "log_context", default=types.MappingProxyType({})
)


@contextlib.contextmanager
def log_ids(**ids: object) -> Iterator[None]:
    """Add ids to the log lines written inside the block."""
    token = log_context.set({**log_context.get(), **{k: str(v) for k, v in ids.items()}})
    try:
        yield
    finally:
        log_context.reset(token)
