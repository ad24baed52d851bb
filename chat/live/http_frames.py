"""Where WebSockets are blocked: a visitor's frames by HTTP, each request a short socket.

`POST /widget/frames` takes a JSON list of frames and returns the list of their answers; `GET
/widget/events` returns the frames that come, and waits for them. No request holds a thread, and
none leaves anything behind that the next one would need: it may go to another process.
"""

import asyncio
import io
import math
import time
import uuid
from collections.abc import Awaitable, Callable, Mapping
from typing import Annotated, Any, Protocol
from urllib.parse import parse_qsl

import msgspec
from django.core.handlers.asgi import ASGIRequest
from django.db import DatabaseError
from django.http import HttpRequest, HttpResponse, HttpResponseNotAllowed

from chat.errors import BadFrame, TooLarge, Unavailable
from chat.live.consumers.short import FrameRequest, Poll, ShortSocket
from chat.live.protocol.fields import After
from chat.live.protocol.frame import encode
from chat.live.protocol.server import Error
from chat.live.protocol.visitor import Hello, Resume
from chat.live.shutdown import PARTING_SECONDS
from chat.visitor_token import BadToken
from tenants.async_db import run_in_public
from tenants.errors import ProductError
from tenants.log_context import add_log_ids, log_ids
from tenants.resolution import CompanyRef, company_by_host

Message = Mapping[str, Any]
Receive = Callable[[], Awaitable[Any]]
Send = Callable[[Any], Awaitable[None]]
Application = Callable[[Any, Receive, Send], Awaitable[None]]


class Dress(Protocol):
    def __call__(
        self, request: HttpRequest, response: HttpResponse, *, request_id: str, started: float
    ) -> HttpResponse:
        """What goes out for a request that came at `started` (perf_counter)."""


METHODS = {"/widget/frames": "POST", "/widget/events": "GET"}
MAX_FRAMES = 32
MAX_BODY_BYTES = 512 * 1024
POLL_SECONDS = 25


class _Query(msgspec.Struct):
    conversation: uuid.UUID | None = None
    after: After = 0
    wait: Annotated[int, msgspec.Meta(ge=0, le=POLL_SECONDS)] = POLL_SECONDS


class _Gone(Exception):
    """The client left before it had said everything."""


def with_http_frames(http: Application, dress: Dress) -> Application:
    """An ASGI application for HTTP that keeps the two paths from `http`."""

    async def application(scope: Any, receive: Receive, send: Send) -> None:
        if scope["path"] not in METHODS:
            await http(scope, receive, send)
            return
        started, request_id = time.perf_counter(), uuid.uuid4().hex

        async def answer(response: HttpResponse) -> None:
            request = ASGIRequest(scope, io.BytesIO())
            dressed = dress(request, response, request_id=request_id, started=started)
            await _send(send, dressed)

        with log_ids(request=request_id):
            headers = dict(scope["headers"])
            try:
                host = headers.get(b"host", b"").decode("latin-1")
                company = await run_in_public(company_by_host, host)
            except (DatabaseError, OSError):
                await answer(_refusal(Unavailable()))
                return
            if company is None:
                await _send(send, HttpResponse(status=404))
                return
            with log_ids(company=company.id):
                await _serve(company, scope, headers, receive, answer)

    return application


async def _serve(
    company: CompanyRef,
    scope: Message,
    headers: Mapping[bytes, bytes],
    receive: Receive,
    answer: Callable[[HttpResponse], Awaitable[None]],
) -> None:
    method = METHODS[scope["path"]]
    if scope["method"] != method:
        await answer(HttpResponseNotAllowed([method]))
        return
    try:
        short = await _opened(company, scope, headers, receive)
    except ProductError as error:
        await answer(_refusal(error))
        return
    except _Gone:
        return
    watching = asyncio.create_task(_watch(receive, short))
    try:
        await short.serve(scope)
    except asyncio.CancelledError:
        # The process stops. What was stored is told.
        await answer(_answers(short))
        await asyncio.sleep(PARTING_SECONDS)
        raise
    finally:
        watching.cancel()
    await answer(_answers(short))


async def _opened(
    company: CompanyRef, scope: Message, headers: Mapping[bytes, bytes], receive: Receive
) -> ShortSocket:
    """The socket that the request stands for. Raises BadToken, BadFrame, TooLarge and _Gone."""
    kind, _, token = headers.get(b"authorization", b"").decode("latin-1").partition(" ")
    if kind.lower() != "bearer" or not token:
        raise BadToken
    try:
        told = dict(parse_qsl(scope["query_string"].decode("latin-1"), max_num_fields=10))
        query = msgspec.convert(told, _Query, strict=False)
    except (ValueError, msgspec.ValidationError) as error:
        raise BadFrame(str(error)) from None
    if query.conversation:
        add_log_ids(conversation=query.conversation)
    hello = Hello(
        token=token,
        resume=(
            Resume(conversation=query.conversation, after=query.after)
            if query.conversation
            else None
        ),
    )
    body = await _body(receive)
    if scope["method"] == "GET":
        return Poll(company, hello, query.wait)
    return FrameRequest(company, hello, _frames(body))


async def _body(receive: Receive) -> bytes:
    body = bytearray()
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise _Gone
        body += message.get("body", b"")
        if len(body) > MAX_BODY_BYTES:
            raise TooLarge(f"A request has at most {MAX_BODY_BYTES} bytes.")
        if not message.get("more_body", False):
            return bytes(body)


def _frames(body: bytes) -> list[str]:
    """The texts of the frames; each is decoded where it is answered."""
    try:
        texts = [bytes(raw).decode() for raw in _list_of_frames.decode(body)]
    except (msgspec.DecodeError, UnicodeError, RecursionError):
        raise BadFrame("Send a JSON list of frames.") from None
    if len(texts) > MAX_FRAMES:
        raise TooLarge(f"A request has at most {MAX_FRAMES} frames.")
    return texts


async def _watch(receive: Receive, short: ShortSocket) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
    short.gone()


def _answers(short: ShortSocket) -> HttpResponse:
    return _response(short.answers, short.refusal)


def _refusal(error: ProductError) -> HttpResponse:
    told = Error(code=error.code, message=str(error), retry_after=error.retry_after)
    return _response([encode(told)], error)


def _response(frames: list[str], refusal: ProductError | None) -> HttpResponse:
    response = HttpResponse(
        f"[{','.join(frames)}]",
        content_type="application/json",
        status=refusal.http_status if refusal else 200,
    )
    response["Cache-Control"] = "no-store"
    if refusal and refusal.http_status == 401:
        response["WWW-Authenticate"] = "Bearer"
    if refusal and refusal.retry_after is not None:
        response["Retry-After"] = str(max(1, math.ceil(refusal.retry_after)))
    return response


async def _send(send: Send, response: HttpResponse) -> None:
    response.setdefault("Content-Length", str(len(response.content)))
    headers = [(name.encode(), value.encode("latin-1")) for name, value in response.items()]
    await send({"type": "http.response.start", "status": response.status_code, "headers": headers})
    await send({"type": "http.response.body", "body": response.content})


_list_of_frames: msgspec.json.Decoder[list[msgspec.Raw]] = msgspec.json.Decoder(list[msgspec.Raw])
