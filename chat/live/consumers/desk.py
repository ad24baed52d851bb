"""`/ws/desk/`: an agent's or supervisor's socket, on the platform site, for all their companies."""

import uuid
from typing import ClassVar

from django.utils import timezone

from chat.actions import conversations, leads, messages, offers, waker
from chat.errors import NoDesk, SignedOut
from chat.live import groups, seen_marks
from chat.live.consumers.base import Handler
from chat.live.consumers.cursor import Cursor
from chat.live.consumers.desk_access import DeskAccess, access_of, session_key
from chat.live.consumers.desk_reads import Shown, opening, resumable
from chat.live.consumers.following import FollowingConsumer
from chat.live.desks import Desks, Standing
from chat.live.mailbox import Message
from chat.live.message_rows import Outcome, Stored
from chat.live.protocol import desk as frames
from chat.live.protocol.codec import desk_codec
from chat.live.protocol.fields import desk_key
from chat.live.protocol.frame import ClientFrame, encode
from chat.live.protocol.server import (
    ConversationGone,
    ConversationOpened,
    Me,
    OfferWithdrawn,
    Pong,
    TypingShown,
    Welcome,
)
from chat.live.rate_limits import DESK_MESSAGES, TYPING, shared_bucket
from chat.live.render import EventFrames, offer_frame
from chat.queries import snapshot
from routing import interface as routing
from tenants.actor import Actor
from tenants.async_db import run_in_company, run_in_public
from tenants.errors import NotFound, TooFast
from tenants.log_context import add_log_ids
from tenants.resolution import CompanyRef, is_platform_host


class DeskConsumer(FollowingConsumer):
    """Who it is comes from the session cookie; what they may see is read anew while it is open."""

    codec = desk_codec
    hello_type = frames.Hello
    for_visitor = False

    access: DeskAccess | None = None
    session: str | None = None
    # Among these; None until the person is known.
    desks: Desks | None = None

    async def may_open(self) -> bool:
        return is_platform_host(self.headers.get(b"host", b"").decode("latin-1"))

    async def welcome(self, hello: frames.Hello) -> None:
        self.session = session_key(self.headers.get(b"cookie", b""))
        await self._read_access()
        user = self.desk.user
        add_log_ids(user=user.pk)
        self._messages = shared_bucket("message", user.pk, DESK_MESSAGES)
        # The offers that ring at this desk.
        self.ringing: set[uuid.UUID] = set()
        self.desks = self.streams.part(Desks)
        self.desks.came(user.pk, self)
        self.layer.join(groups.agent(user.pk), self.channel_name)
        found = await run_in_public(opening, self.desk, hello.resume)
        await self._send_text(
            encode(
                Welcome(
                    you=Me(kind="agent", id=user.pk, name=user.shown_name),
                    server_time=timezone.now(),
                    conversations=[shown.state for shown in found.conversations],
                    status=found.status,
                )
            )
        )
        for shown in found.conversations:
            await self._show(shown, hello.resume.get(shown.state.conversation, 0))
        now_shown = self._last_seqs()
        for key in hello.resume:
            if key not in now_shown:
                self.say(ConversationGone(conversation=key))
        for offer in found.offers:
            self._ring(offer)
        if self.desk.is_agent:
            # Somebody who can take chats is here.
            waker.wake()

    async def tell_left(self) -> None:
        # The last one to go gives the lease back.
        if self.desks is None:
            return
        user_id = self.desk.user.pk
        if not self.desks.left(user_id, self) or self.restarting:
            return
        await run_in_public(routing.drop_lease, agent_id=user_id)
        # A desk in another process keeps the agent present, at once.
        self.layer.tell_group(groups.agent(user_id), {"type": "agent.renew"})

    def group_of(self, company: CompanyRef, conversation_id: uuid.UUID) -> str:
        return groups.desks_of(company.id, conversation_id)

    async def on_layer_message(self, message: Message) -> None:
        kind = message["type"]
        if kind == "agent.assigned":
            company_id = uuid.UUID(message["company"])
            # Perhaps they serve the company since a moment ago.
            if self.desk.company_by_id(company_id) is not None or await self._look_again():
                await self._open(company_id, uuid.UUID(message["conversation"]))
        elif kind == "agent.rings":
            offer_id = uuid.UUID(message["offer"])
            if offer_id not in self.ringing:
                self.ringing.add(offer_id)
                await self._send_text(message["text"])
        elif kind == "agent.rings_no_more":
            self.ringing.discard(uuid.UUID(message["offer"]))
            await self._send_text(message["text"])
        elif kind == "agent.renew":
            await run_in_public(routing.renew_lease, agent_id=self.desk.user.pk)
        elif kind == "agent.look" and await self._look_again():
            await self._look()

    async def _advance(self, cursor: Cursor, frames: EventFrames) -> None:
        await super()._advance(cursor, frames)
        event = frames.event
        is_given_back = event.kind == "conversation.changed" and event.body["state"] == "queued"
        # What cannot be read may have given it back; where not, the next sweep opens it again.
        if (is_given_back or event.hides_change) and cursor.is_own and event.seq > cursor.looked_at:
            # A supervisor may read on: that is a reading of its own, and audited as such.
            self._forget(cursor.company, event.conversation_id)

    def misses(self, now: Standing) -> bool:
        user = self.desk.user
        own = {pk for pk, cursor in self.cursors.items() if cursor.is_own}
        assigned = {
            pk for company_id, pk in now.work.assigned if self.desk.company_by_id(company_id)
        }
        return (
            self.session not in now.sessions
            or now.user is None
            or (now.user.password, now.user.shown_name) != (user.password, user.shown_name)
            or now.seats != self.desk.seats
            or now.work.ringing != self.ringing
            or not assigned <= own
        )

    # --- Frames -----------------------------------------------------------------------------------

    async def on_status(self, frame: frames.StatusSet) -> None:
        await run_in_public(
            offers.set_status,
            agent_id=self.desk.user.pk,
            status=frame.status,
            reason=frame.reason,
        )
        self.ack(frame.id)

    async def on_accept(self, frame: frames.OfferAccept) -> None:
        taken = await run_in_public(offers.accept, agent=self.desk.user, offer_id=frame.offer)
        key = desk_key(taken.company.slug, taken.conversation_id)
        self.ack(frame.id, conversation=key)
        await self._open(taken.company.id, taken.conversation_id)

    async def on_decline(self, frame: frames.OfferDecline) -> None:
        await run_in_public(offers.decline, agent=self.desk.user, offer_id=frame.offer)
        self.ack(frame.id)

    def on_message(self, frame: frames.MessageSend) -> None:
        company, conversation_id = self.desk.target(frame.conversation)
        wait = self._messages.take()
        if wait:
            raise TooFast(retry_after=round(wait, 2))
        self.allow_in_flight()
        self.in_flight += 1

        def answer(outcome: Outcome) -> None:
            self.in_flight -= 1
            if isinstance(outcome, Stored):
                self.ack(frame.id, conversation=frame.conversation, seq=outcome.seq, at=outcome.at)
            else:
                self.refuse(frame.id, outcome)

        messages.send(
            company=company,
            conversation_id=conversation_id,
            client_id=frame.id,
            author_kind="agent",
            author_id=self.desk.user.pk,
            author_name=self.desk.user.shown_name,
            text=frame.text,
            note=frame.note,
            sender=self,
            answer=answer,
        )

    def on_typing(self, frame: frames.Typing) -> None:
        company, conversation_id = self.desk.target(frame.conversation)
        cursor = self.cursors.get(conversation_id)
        if cursor is None or not cursor.is_own:
            raise NotFound
        if cursor.is_over or (frame.on and shared_bucket("typing", conversation_id, TYPING).take()):
            return
        shown = TypingShown(conversation=str(conversation_id), by="agent", on=frame.on)
        self.layer.tell_group(
            groups.visitors_of(company.id, conversation_id),
            {"type": "live.frame", "text": encode(shown)},
        )

    def on_seen(self, frame: frames.Seen) -> None:
        company, conversation_id = self.desk.target(frame.conversation)
        cursor = self.cursors.get(conversation_id)
        if cursor is None or not cursor.is_own:
            raise NotFound
        seen_marks.mark(company, conversation_id, "desk", frame.seq)

    async def on_lead(self, frame: frames.LeadSave) -> None:
        company, conversation_id = self.desk.target(frame.conversation)
        user = self.desk.user
        saved = await run_in_company(
            company,
            leads.save,
            company=company,
            conversation_id=conversation_id,
            client_id=frame.id,
            fields=frame.fields,
            version=frame.version,
            actor=Actor.person(user),
            agent=user,
        )
        self.ack(
            frame.id, conversation=frame.conversation, lead=saved.lead_id, version=saved.revision
        )

    async def on_close(self, frame: frames.ConversationClose) -> None:
        company, conversation_id = self.desk.target(frame.conversation)
        user = self.desk.user
        await run_in_public(
            conversations.close,
            company=company,
            conversation_id=conversation_id,
            actor=Actor.person(user),
            agent=user,
            disposition=frame.disposition or "",
            client_id=frame.id,
        )
        self.ended(conversation_id)
        self.ack(frame.id, conversation=frame.conversation)

    async def on_resume(self, frame: frames.ResumeConversation) -> None:
        company, conversation_id = self.desk.target(frame.conversation)
        if conversation_id in self.cursors:
            await self.follow(company, conversation_id, frame.after)
            return
        shown = await run_in_company(company, resumable, self.desk, company, conversation_id)
        await self._show(shown, frame.after)

    async def on_ping(self, frame: frames.Ping) -> None:
        await self.catch_up_all()
        self.say(Pong(server_time=timezone.now(), conversations=self._last_seqs()))

    handlers: ClassVar[dict[type[ClientFrame], Handler]] = {
        frames.StatusSet: on_status,
        frames.OfferAccept: on_accept,
        frames.OfferDecline: on_decline,
        frames.MessageSend: on_message,
        frames.Typing: on_typing,
        frames.Seen: on_seen,
        frames.LeadSave: on_lead,
        frames.ConversationClose: on_close,
        frames.ResumeConversation: on_resume,
        frames.Ping: on_ping,
    }

    # --- Helpers ----------------------------------------------------------------------------------

    @property
    def desk(self) -> DeskAccess:
        """Set by the hello, before any other frame is read."""
        if self.access is None:
            raise NotFound
        return self.access

    def _last_seqs(self) -> dict[str, int]:
        """How far each conversation was sent, by its key."""
        return {
            desk_key(cursor.company.slug, pk): cursor.seq for pk, cursor in self.cursors.items()
        }

    async def _read_access(self) -> None:
        self.access = await run_in_public(access_of, self.session)
        self._forget_what_is_not_theirs()

    async def _look_again(self) -> bool:
        """Read their access anew; False where that ended the socket."""
        try:
            await self._read_access()
        except (SignedOut, NoDesk) as error:
            await self.end_with(error)
            return False
        return True

    def _forget_what_is_not_theirs(self) -> None:
        for conversation_id, cursor in list(self.cursors.items()):
            company = self.desk.companies.get(cursor.company.slug)
            if company is None or not (cursor.is_own or company.supervises):
                self._forget(cursor.company, conversation_id)

    def make_room(self) -> None:
        """Let go of one read along or ended, as long as there is one, and say so."""
        others = (pk for pk, one in self.cursors.items() if one.is_over or not one.is_own)
        let_go = next(others, None) or next(iter(self.cursors))
        self._forget(self.cursors[let_go].company, let_go)

    def _forget(self, company: CompanyRef, conversation_id: uuid.UUID) -> None:
        self.unfollow(conversation_id)
        self.say(ConversationGone(conversation=desk_key(company.slug, conversation_id)))

    async def _look(self) -> None:
        """Show the chats and offers that are theirs by now, and no other offer."""
        rang = set(self.ringing)
        assigned, pending = await run_in_public(_work_of, self.desk.user.pk)
        for ref in assigned:
            await self._open(ref.company_id, ref.conversation_id)
        for decision in pending:
            self._ring(decision)
        for offer_id in rang - {decision.offer_id for decision in pending}:
            self.ringing.discard(offer_id)
            self.say(OfferWithdrawn(offer=offer_id, reason="withdrawn"))

    async def _open(self, company_id: uuid.UUID, conversation_id: uuid.UUID) -> None:
        """Show a conversation that became theirs; does nothing where it is shown as such, or is
        one of a company that they serve no longer."""
        company = self.desk.company_by_id(company_id)
        if company is None:
            return
        cursor = self.cursors.get(conversation_id)
        if cursor is not None and cursor.is_own:
            return
        states = await run_in_company(company, snapshot.for_desk, company, [conversation_id])
        state = states.get(conversation_id)
        if state is None or state.agent is None or state.agent.id != self.desk.user.pk:
            return
        # Another message may have opened it while this one read.
        if conversation_id in self.cursors and self.cursors[conversation_id].is_own:
            return
        await self._send_text(encode(ConversationOpened(conversation=state)))
        await self._show(Shown(company, conversation_id, state, is_own=True), 0)

    async def _show(self, shown: Shown, after: int) -> None:
        last = shown.state.last_seq
        is_over = shown.state.state == "closed"
        cursor = self.begin(shown.company, shown.id, min(after, last), is_over=is_over)
        cursor.is_own, cursor.looked_at = shown.is_own, last
        await self.catch_up(shown.id)

    def _ring(self, decision: routing.OfferDecision) -> None:
        company = self.desk.company_by_id(decision.company_id)
        if company is None or decision.auto_accept or decision.offer_id in self.ringing:
            return
        self.ringing.add(decision.offer_id)
        self.say(offer_frame(company, decision))


def _work_of(
    user_id: uuid.UUID,
) -> tuple[list[routing.AssignmentRef], list[routing.OfferDecision]]:
    return routing.open_assignments(user_id), routing.pending_offers(user_id)
