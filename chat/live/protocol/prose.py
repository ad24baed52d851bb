"""The parts of docs/protocol.md that frames cannot say themselves."""

OPENING = """\
# The live protocol

<!-- Made by `manage.py write_protocol_docs` from chat/live/protocol. Change that, not this. -->

One JSON object in one WebSocket text frame, UTF-8, at most 64 KiB. `type` names it. Unknown fields
are ignored; an unknown type is answered with an `error`. The JSON Schema of every frame stands in
`protocol.schema.json`.

| path | on | who | authenticated by |
| --- | --- | --- | --- |
| `/ws/visitor/` | a company's site | a visitor | the visitor token in `hello` |
| `/ws/desk/` | the platform site | an agent or supervisor | the session cookie |

`Origin` must be the very site that the socket is opened on: the visitor's panel is a frame of the
company's site, the desk a page of the platform's. The token never stands in a URL. It names the
website that the panel stands on: once the company took that off its list, the token is refused with
`site_closed`, and open sockets end with it within about 10 s. So they do when the company is
suspended.

## The order of things

1. The client opens the socket and sends `hello` within 10 s. The server answers `welcome`, then
   sends every event after what the client says it holds, then goes on live.
2. Every frame that changes something carries `id`, a UUID made by the client, and is answered by
   `ack` or `error` with that `id`. Sent again with the same `id` it has no second effect and gets
   the same answer. A client that got no answer (the socket fell, `unavailable`) sends it again. An
   `id` that another frame of the same side in the conversation had is refused with `conflict`.
3. A `message.send` is acked only after its commit: acked means stored for good.
4. The ack of a `message.send` stands for the event. The socket that sent the message gets no
   `message` frame for it; it shows the message with the ack's `seq` and `at` and counts that `seq`
   as received. All other sockets of the conversation get the `message` frame. After a `resume` or a
   reconnect the message may come as a frame to its sender too: same `id`, show it once.
5. Durable events of a conversation are numbered by `seq`: 1, 2, 3 … without gaps. A client applies
   an event when its `seq` is the last one plus one, ignores a smaller one, and on a larger one
   sends `resume` with the last it holds. It never has to guess: the server replays from storage.
6. `ping` goes out every 25 s with some jitter. No `pong` within 10 s: close, reconnect. Before it
   answers, the server sends the events that it knows this socket to miss, as where a reading had
   failed. The pong lists the last seq that this socket was sent of every open conversation, so that
   a client notices what did not reach it. For hints that were lost the server looks by itself at
   least every 20 s, and sends what was missed.
7. Reconnect after 0.5 s, doubling to 30 s, with full jitter, then `hello` with what is held.
   After close code 4401 get a new token (or sign in) first; after 4403 do not come back by itself.
8. Another visitor's token is another session: drop everything held before.

## Without WebSockets

Where a network lets no WebSocket through, a visitor's frames go by HTTP on the company's site. Each
request is a short socket: its headers and its query are the hello, and the rules above hold.
Nothing is kept between two requests, so each may reach another server. The desk needs WebSockets.

- `POST /widget/frames`: a JSON list of at most 32 frames and 512 KiB, answered by the list of their
  answers (`ack`, `error`, `pong`, `queue`).
- `GET /widget/events`: the list of frames that a socket would be sent, `welcome` first, then the
  events after `after`. Where there is none yet it waits for the next frame, 25 s at most.

`Authorization: Bearer` carries the visitor token. The query holds `conversation` and `after`, as in
the hello's `resume`, and `wait`, the seconds that a poll may wait (0 to 25). Begin with `wait=0`,
then ask with the last `seq` you hold, again and again. Send one list of frames at a time: what is
written meanwhile goes into the next, in order. A list that got no answer is sent again with the
same ids.

A poll brings your own messages too: same `id`, show it once. `page` is a frame here. The next poll
is the `resume`; sent as a frame, it brings nothing.

`Origin` must be the site itself. A GET may go without it, unless `Sec-Fetch-Site` says that another
site asks. What ends a socket ends the request, with the HTTP status below and the `error` as the
last frame of the list: after 401 get a new token, after 403 do not come back by itself, after 429
wait for `Retry-After`. An unknown host gets an empty 404, another method 405.

All requests of a visitor count together, 60 at once and then five a second, and six polls that
wait; their frames count with those of the visitor's sockets (see Limits). The desk is told
`presence` at every poll; that the visitor left, when no other poll or socket of theirs came within
10 s.

## Two numberings

The desk sees more than the visitor: notes and changes of the lead are on the desk's stream only.
So the two streams number separately. A frame to a desk carries the event's place among all events
of the conversation; a frame to a visitor carries its place among those the visitor may see. Both
are gap-free, and neither tells the visitor that something was hidden. `seen` is translated: each
side is told in its own numbering. `after` in `hello` and `resume` is in the client's own numbering.

## Limits

A frame has at most 64 KiB, a message 4,000 characters. A visitor may send 20 messages at once and
then one a second, an agent 60 and then five a second. All sockets of a visitor together, or one
socket of a desk, may send 120 frames at once and then 20 a second; a visitor `resume` 20 times and
then once in two seconds. Beyond that the frame is refused with `too_fast` and `retry_after`; a
socket that goes on regardless is closed with 4429. Ten unreadable frames close a socket with 4400.
A socket that is not read by its client is closed with 4008 when 256 frames or 1 MB wait for it.

A socket follows 200 conversations. Another one makes the one go that was asked for longest ago; at
the desk that is one read along or ended while there is one, and `conversation.gone` says which.
"""

CLOSING = """\
Other close codes: 1000 the client said good-bye, 4012 the server restarts (see `reconnect`), 4013
the hello could not be answered now: come back with back-off.
"""
