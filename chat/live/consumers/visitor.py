"""`/ws/visitor/`: a visitor's socket, on a company's site."""

import uuid
from collections.abc import Awaitable
from typing import ClassVar

from django.utils import timezone

from chat import visitor_token
from chat.actions import conversations, messages, visitors
from chat.errors import SiteClosed
from chat.live import groups, seen_marks
from chat.live.consumers.base import Handler
from chat.live.consumers.following import FollowingConsumer
from chat.live.mailbox import Message
from chat.live.message_rows import Outcome, Stored
from chat.live.protocol import visitor as frames
from chat.live.protocol.codec import visitor_codec
from chat.live.protocol.fields import Page, desk_key
from chat.live.protocol.frame import ClientFrame, encode
from chat.live.protocol.server import (
    ConversationState,
    Me,
    Pong,
    Presence,
    QueueShown,
    TypingShown,
    Welcome,
)
from chat.live.rate_limits import (
    FRAMES,
    RESUMES,
    STARTS,
    STARTS_OF_ADDRESS,
    TYPING,
    VISITOR_MESSAGES,
    shared_bucket,
)
from chat.live.sites import Sites
from chat.queries import branding, snapshot
from chat.visitor_token import BadToken
from routing import interface as routing
from tenants.async_db import run_in_company, run_in_public
from tenants.errors import NotFound, TooFast
from tenants.log_context import add_log_ids
from tenants.resolution import CompanyRef, company_by_host
from tenants.unseen import trimmed


class VisitorConsumer(FollowingConsumer):
    """Whose it is comes from the token in the hello; which company, from the host."""

    codec = visitor_codec
    hello_type = frames.Hello
    for_visitor = True

    company: CompanyRef
    visitor_id: uuid.UUID
    visit_id: uuid.UUID
    name = ""
    queued: uuid.UUID | None = None

    async def may_open(self) -> bool:
        host = self.headers.get(b"host", b"").decode("latin-1")
        company = await run_in_public(company_by_host, host)
        if company is None:
            return False
        self.company = company
        add_log_ids(company=company.id)
        return True

    async def welcome(self, hello: frames.Hello) -> None:
        state = await self._meet(hello)
        await self._send_text(
            encode(
                Welcome(
                    you=Me(kind="visitor", id=self.visitor_id, name=self.name),
                    server_time=timezone.now(),
                    conversations=[state] if state else [],
                )
            )
        )
        if state is not None:
            conversation_id, resume = uuid.UUID(state.conversation), hello.resume
            held = resume.after if resume and resume.conversation == conversation_id else 0
            await self._show(conversation_id, held, is_over=state.state == "closed")
        if self.queued is not None:
            await self._tell_position(self.queued)
        if hello.page is not None:
            await self._keep_page(hello.page)

    async def _meet(self, hello: frames.Hello) -> ConversationState | None:
        """Learn who it is; returns the conversation they are shown.

        Raises BadToken and SiteClosed.
        """
        origin = self._identify(hello.token)
        self.streams.part(Sites).came(self.company, origin, self.channel_name)
        name, state = await run_in_company(
            self.company, _first_look, self.visitor_id, origin, hello.resume
        )
        self.name = name
        if state is not None and state.state == "queued":
            self.queued = uuid.UUID(state.conversation)
        return state

    def _identify(self, token: str) -> str:
        """Whose token it is, and what they may do in all their tabs and requests together.

        Returns the website that they stand on. Raises BadToken.
        """
        told = visitor_token.read(self.company, token)
        self.visitor_id, self.visit_id = told.visitor_id, told.visit_id
        self._frames = shared_bucket("frame", self.visitor_id, FRAMES)
        self._messages = shared_bucket("message", self.visitor_id, VISITOR_MESSAGES)
        return told.origin

    async def tell_left(self) -> None:
        for conversation_id in self.cursors:
            self._tell_presence(conversation_id, online=False)

    async def on_layer_message(self, message: Message) -> None:
        if message["type"] == "site.closed":
            await self.end_with(SiteClosed())

    def group_of(self, company: CompanyRef, conversation_id: uuid.UUID) -> str:
        return groups.visitors_of(company.id, conversation_id)

    async def _show(self, conversation_id: uuid.UUID, after: int, *, is_over: bool = False) -> None:
        self.begin(self.company, conversation_id, after, is_over=is_over)
        await self.catch_up(conversation_id)
        self._tell_presence(conversation_id, online=True)

    # --- Frames -----------------------------------------------------------------------------------

    async def on_start(self, frame: frames.ConversationStart) -> None:
        address = (self.scope.get("client") or ("", 0))[0]
        wait = (
            shared_bucket("start", self.visitor_id, STARTS).take()
            or shared_bucket("start", address, STARTS_OF_ADDRESS).take()
        )
        if wait:
            raise TooFast(retry_after=round(wait, 2))
        started = await run_in_public(
            conversations.start,
            company=self.company,
            visitor_id=self.visitor_id,
            start_id=frame.id,
            fields=frame.fields,
            text=frame.text,
            visit_id=self.visit_id,
        )
        self.name = trimmed(frame.fields.name) or self.name
        self.ack(frame.id, conversation=str(started.conversation_id), seq=started.seq)
        if started.conversation_id not in self.cursors:
            await self._show(started.conversation_id, 0)
        if started.is_new:
            await self._tell_position(started.conversation_id)

    def on_message(self, frame: frames.MessageSend) -> None:
        wait = self._messages.take()
        if wait:
            raise TooFast(retry_after=round(wait, 2))
        self.allow_in_flight()
        self.in_flight += 1

        def answer(outcome: Outcome) -> None:
            self.in_flight -= 1
            if isinstance(outcome, Stored):
                self.ack(
                    frame.id,
                    conversation=str(frame.conversation),
                    seq=outcome.visitor_seq,
                    at=outcome.at,
                )
            else:
                self.refuse(frame.id, outcome)

        messages.send(
            company=self.company,
            conversation_id=frame.conversation,
            client_id=frame.id,
            author_kind="visitor",
            author_id=self.visitor_id,
            author_name=self.name,
            text=frame.text,
            note=False,
            sender=self,
            answer=answer,
        )

    def on_typing(self, frame: frames.Typing) -> None:
        cursor = self.cursors.get(frame.conversation)
        if cursor is None:
            raise NotFound
        if cursor.is_over or (frame.on and shared_bucket("typing", self.visitor_id, TYPING).take()):
            return
        key = desk_key(self.company.slug, frame.conversation)
        self._tell_desks(
            frame.conversation, encode(TypingShown(conversation=key, by="visitor", on=frame.on))
        )

    def on_seen(self, frame: frames.Seen) -> None:
        if frame.conversation not in self.cursors:
            raise NotFound
        seen_marks.mark(self.company, frame.conversation, "visitor", frame.seq)

    async def on_end(self, frame: frames.ConversationEnd) -> None:
        await run_in_public(
            conversations.end_by_visitor,
            company=self.company,
            conversation_id=frame.conversation,
            visitor_id=self.visitor_id,
            client_id=frame.id,
        )
        self.ended(frame.conversation)
        self.ack(frame.id, conversation=str(frame.conversation))

    async def on_page(self, frame: frames.PageView) -> None:
        await self._keep_page(Page(url=frame.url, title=frame.title, referrer=frame.referrer))

    async def on_resume(self, frame: frames.ResumeConversation) -> None:
        wait = shared_bucket("resume", self.visitor_id, RESUMES).take()
        if wait:
            raise TooFast(retry_after=round(wait, 2))
        if frame.conversation in self.cursors:
            await self.follow(self.company, frame.conversation, frame.after)
            return
        state = await run_in_company(
            self.company, snapshot.for_visitor, self.visitor_id, frame.conversation
        )
        if state is None:
            raise NotFound
        await self._show(frame.conversation, frame.after, is_over=state.state == "closed")

    async def on_ping(self, frame: frames.Ping) -> None:
        await self.catch_up_all()
        self.say(
            Pong(
                server_time=timezone.now(),
                conversations={str(pk): cursor.seq for pk, cursor in self.cursors.items()},
            )
        )
        if self.queued is not None:
            await self._tell_position(self.queued)

    handlers: ClassVar[dict[type[ClientFrame], Handler]] = {
        frames.ConversationStart: on_start,
        frames.MessageSend: on_message,
        frames.Typing: on_typing,
        frames.Seen: on_seen,
        frames.ConversationEnd: on_end,
        frames.PageView: on_page,
        frames.ResumeConversation: on_resume,
        frames.Ping: on_ping,
    }

    # --- Helpers ----------------------------------------------------------------------------------

    def _keep_page(self, page: Page) -> Awaitable[None]:
        return run_in_company(
            self.company,
            visitors.view_page,
            company=self.company,
            visitor_id=self.visitor_id,
            visit_id=self.visit_id,
            page=page,
        )

    async def _tell_position(self, conversation_id: uuid.UUID) -> None:
        place = await run_in_public(routing.position, self.company.id, conversation_id)
        self.queued = conversation_id if place else None
        if place is not None:
            self.say(
                QueueShown(
                    conversation=str(conversation_id), position=place.position, wait=place.wait
                )
            )

    def _tell_presence(self, conversation_id: uuid.UUID, *, online: bool) -> None:
        # Another tab of theirs may be open here.
        if not online and self.layer.has_members(self.group_of(self.company, conversation_id)):
            return
        key = desk_key(self.company.slug, conversation_id)
        self._tell_desks(conversation_id, encode(Presence(conversation=key, online=online)))

    def _tell_desks(self, conversation_id: uuid.UUID, text: str) -> None:
        group = groups.desks_of(self.company.id, conversation_id)
        self.layer.tell_group(group, {"type": "live.frame", "text": text})


def _first_look(
    visitor_id: uuid.UUID, origin: str, resume: frames.Resume | None
) -> tuple[str, ConversationState | None]:
    """The visitor's name and the conversation they are shown.

    That is the open one; where none is open, the one they resume. Raises BadToken for no visitor,
    and SiteClosed where the company took their website off its list.
    """
    name = snapshot.visitor_name(visitor_id)
    if name is None:
        raise BadToken
    if not branding.is_allowed(origin):
        raise SiteClosed
    conversation_id = snapshot.open_of_visitor(visitor_id) or (resume and resume.conversation)
    if not conversation_id:
        return name, None
    return name, snapshot.for_visitor(visitor_id, conversation_id)
