"""What processes tell each other over Redis: ids and numbers, never what a person wrote."""

import uuid
from typing import Any

import msgspec


class Hint(msgspec.Struct, frozen=True, gc=False, array_like=True):
    """A conversation has events up to `seq`: whoever shows it reads them from storage."""

    company_id: uuid.UUID
    conversation_id: uuid.UUID
    seq: int


class Batch(msgspec.Struct, frozen=True, array_like=True):
    """Everything one process had to say in one turn of its loop."""

    process: str
    hints: list[Hint]
    # (group, message) pairs of the channel layer.
    groups: list[tuple[str, dict[str, Any]]]
    # (channel, message) pairs.
    channels: list[tuple[str, dict[str, Any]]] = []


_encoder = msgspec.msgpack.Encoder()
_decoder = msgspec.msgpack.Decoder(Batch)


def encode(batch: Batch) -> bytes:
    return _encoder.encode(batch)


def decode(data: bytes) -> Batch:
    """Raises msgspec.DecodeError on anything that `encode` did not make."""
    return _decoder.decode(data)


def channel_name(prefix: str) -> str:
    """The one Redis channel of an installation."""
    return f"{prefix}:bus"
