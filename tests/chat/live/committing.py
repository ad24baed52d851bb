"""Messages for group commit, and what became of them."""

import asyncio
import dataclasses
import uuid
from collections.abc import Awaitable, Callable, Iterable
from typing import Any

import psycopg

from chat.live.group_commit import GroupCommit
from chat.live.message_rows import Append, Outcome
from chat.models import Conversation, Event
from chat.queries.event_bodies import StoredEvent, readable
from tenants.context import in_company
from tenants.errors import ProductError
from tenants.models import User
from tenants.resolution import CompanyRef
from tests.chat.desk.builders import conversation


def make_conversation(company: CompanyRef, agent: User | None = None) -> Conversation:
    """One without a word yet."""
    return conversation(company, agent=agent, said=())


def from_visitor(
    company: CompanyRef,
    conversation: Conversation,
    text: str = "hello",
    client_id: uuid.UUID | None = None,
    author_id: uuid.UUID | None = None,
) -> Append:
    return Append(
        company=company,
        conversation_id=conversation.pk,
        client_id=client_id or uuid.uuid4(),
        kind="message",
        author_kind="visitor",
        author_id=author_id or conversation.visitor_id,
        author_name="Vera",
        text=text,
        done=lambda append, outcome: None,
    )


def from_agent(
    company: CompanyRef, conversation: Conversation, agent: User, text: str, *, note: bool = False
) -> Append:
    append = from_visitor(company, conversation, text, author_id=agent.pk)
    return dataclasses.replace(
        append,
        author_kind="agent",
        author_name=agent.shown_name,
        kind="note" if note else "message",
    )


async def outcomes(committer: GroupCommit, appends: Iterable[Append]) -> list[Outcome]:
    loop = asyncio.get_running_loop()
    waiting: list[asyncio.Future[Outcome]] = []
    for append in appends:
        future: asyncio.Future[Outcome] = loop.create_future()
        append.done = lambda _, outcome, future=future: future.set_result(outcome)  # type: ignore[misc]
        committer.submit(append)
        waiting.append(future)
    return list(await asyncio.gather(*waiting))


def run(work: Callable[[GroupCommit], Awaitable[Any]]) -> Any:
    async def main() -> Any:
        committer = GroupCommit()
        try:
            return await work(committer)
        finally:
            await committer.close()

    return asyncio.run(main())


def commit(*appends: Append) -> list[Outcome]:
    result: list[Outcome] = run(lambda committer: outcomes(committer, appends))
    return result


def rows(company: CompanyRef, conversation: Conversation) -> list[StoredEvent]:
    with in_company(company):
        return readable(Event.objects.filter(conversation=conversation).order_by("seq"))


async def until_waited_for(holder: psycopg.AsyncConnection[Any]) -> None:
    """Until another session waits for a lock that `holder` has."""
    waiting = "SELECT 1 FROM pg_locks WHERE pg_backend_pid() = ANY(pg_blocking_pids(pid)) LIMIT 1"
    async with asyncio.timeout(10):
        while await (await holder.execute(waiting)).fetchone() is None:  # noqa: ASYNC110  asked
            await asyncio.sleep(0.01)


def code(outcome: Outcome) -> str:
    assert isinstance(outcome, ProductError), outcome
    return outcome.code
