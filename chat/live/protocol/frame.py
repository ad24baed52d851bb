"""What every frame is: a frozen struct, its `type` the tag."""

import msgspec


class ClientFrame(msgspec.Struct, frozen=True, gc=False, tag_field="type", kw_only=True):
    """Sent by a client. Unknown fields are ignored, unknown types answered with an error."""


class ServerFrame(
    msgspec.Struct, frozen=True, gc=False, tag_field="type", kw_only=True, omit_defaults=True
):
    """Sent by the server. Fields at their default are left out."""


_encoder = msgspec.json.Encoder()


def encode(frame: ServerFrame) -> str:
    """The text of a frame to send."""
    return _encoder.encode(frame).decode()
