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
    token = add_log_ids(**ids)
    try:
        yield
    finally:
        log_context.reset(token)


def add_log_ids(**ids: object) -> "contextvars.Token[Mapping[str, str]]":
    """Add ids to every further log line of this task or thread; the token takes them away."""
    return log_context.set({**log_context.get(), **{k: str(v) for k, v in ids.items()}})
