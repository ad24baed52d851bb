"""Celery tasks of a company: the company is an argument, checked and entered inside the task."""

import logging
import time
from collections.abc import Callable
from typing import Any, ClassVar

import redis
from celery import shared_task
from celery.contrib.django.task import DjangoTask
from kombu.exceptions import OperationalError

from tenants import resolution
from tenants.context import in_company, in_public
from tenants.errors import CompanyGone
from tenants.log_context import log_ids
from tenants.models import DeadTask

logger = logging.getLogger("switchboard.tasks")
_BROKER_ERRORS = (OperationalError, redis.RedisError, OSError)
_LEFT_ALONE_SECONDS = 5.0


class WakeUpTask(DjangoTask[..., Any]):
    """A task whose message may be lost: the database holds the work, and a sweep finds it.

    So a broker that is gone fails no request and holds up none: `delay()` logs that, returns None,
    and this process leaves the broker alone for _LEFT_ALONE_SECONDS.
    """

    abstract = True
    # Of all these tasks together, by the monotonic clock.
    broker_gone_until: ClassVar[float] = 0.0

    def apply_async(self, *args: Any, **kwargs: Any) -> Any:
        if WakeUpTask.broker_gone_until > time.monotonic():
            return None
        try:
            return super().apply_async(*args, **kwargs)
        except _BROKER_ERRORS:
            WakeUpTask.broker_gone_until = time.monotonic() + _LEFT_ALONE_SECONDS
            logger.warning("The broker is gone; a sweep will do %s.", self.name)
            return None


class CompanyTask(WakeUpTask):
    """Takes a company id and runs inside that company, or not at all.

    The id is no ambient header, which any producer could leave out. A company that does not exist
    or is not active leaves a DeadTask; the function is not called and the public schema is never
    what it sees.
    """

    abstract = True

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        company_id = str(args[0]) if args else ""
        with in_public(), log_ids(company=company_id, task=self.request.id or "-"):
            try:
                company = resolution.company_by_id(company_id, fresh=True)
            except CompanyGone:
                self._bury(company_id, args[1:], kwargs)
                return None
            started = time.perf_counter()
            with in_company(company):
                # Not super().__call__: it would push a request without the task's id.
                result = self.run(company, *args[1:], **kwargs)
                took = round((time.perf_counter() - started) * 1000, 1)
                logger.info("%s done", self.name, extra={"duration_ms": took})
                return result

    def _bury(self, company_id: str, rest: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        logger.error("%s: no active company, not run.", self.name)
        DeadTask.objects.create(
            company_id=company_id[:64],
            task=self.name or "",
            arguments={"args": [str(a) for a in rest], **{k: str(v) for k, v in kwargs.items()}},
            reason=DeadTask.Reason.COMPANY_GONE,
        )


def company_task(**options: Any) -> Callable[[Callable[..., Any]], CompanyTask]:
    """Make a Celery task of `function(company: CompanyRef, *ids: str)`.

    Callers give the company's id: `task.delay(str(company.id), str(lead_id))`, and
    `task.delay_on_commit(...)` inside a transaction. `options` are Celery's own, such as
    `max_retries`; `bind=True` is refused, for the company comes first.
    """
    if options.get("bind"):
        raise TypeError("A company task takes the company first; it cannot be bound.")

    def decorate(function: Callable[..., Any]) -> CompanyTask:
        make: Callable[..., CompanyTask] = shared_task(base=CompanyTask, **options)
        return make(function)

    return decorate
