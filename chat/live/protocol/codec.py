"""Reading a client's frame: a struct, or the error that answers it."""

from typing import Generic, TypeVar, get_args

import msgspec

from chat.errors import BadFrame, TooLarge, UnknownType
from chat.live.protocol.desk import DeskFrame
from chat.live.protocol.fields import MAX_FRAME_BYTES
from chat.live.protocol.frame import ClientFrame
from chat.live.protocol.visitor import VisitorFrame
from tenants.errors import ProductError

F = TypeVar("F", bound=ClientFrame)


class _Envelope(msgspec.Struct, gc=False):
    """As much of a refused frame as its answer needs."""

    type: object = None
    id: object = None


class Refused(Exception):
    """A frame that could not be read; `frame_id` as far as it has one."""

    def __init__(self, error: ProductError, frame_id: str | None = None) -> None:
        super().__init__(error)
        self.error = error
        self.frame_id = frame_id


class Codec(Generic[F]):
    """Decodes the frames of one socket path."""

    def __init__(self, union: object) -> None:
        self._decoder: msgspec.json.Decoder[F] = msgspec.json.Decoder(union)
        self._types = {str(struct.__struct_config__.tag) for struct in get_args(union)}

    def decode(self, text: str) -> F:
        """Return the frame. Raises Refused with BadFrame, UnknownType or TooLarge."""
        # A character is at most four bytes: the exact count is needed for long frames only.
        if (
            len(text) > MAX_FRAME_BYTES // 4
            and len(text.encode(errors="replace")) > MAX_FRAME_BYTES
        ):
            raise Refused(TooLarge(f"A frame has at most {MAX_FRAME_BYTES} bytes."))
        try:
            return self._decoder.decode(text)
        except (msgspec.DecodeError, UnicodeError, RecursionError) as error:
            raise self._refusal(text, error) from None

    def _refusal(self, text: str, error: Exception) -> Refused:
        try:
            envelope = _envelope.decode(text)
        except (msgspec.DecodeError, UnicodeError, RecursionError):
            return Refused(BadFrame("The frame is not a JSON object."))
        frame_id = envelope.id if isinstance(envelope.id, str) and len(envelope.id) <= 64 else None
        if isinstance(envelope.type, str) and envelope.type not in self._types:
            return Refused(UnknownType(), frame_id)
        # msgspec names the place and the expected type, never the value.
        return Refused(BadFrame(str(error)), frame_id)


_envelope = msgspec.json.Decoder(_Envelope)
visitor_codec: Codec[VisitorFrame] = Codec(VisitorFrame)
desk_codec: Codec[DeskFrame] = Codec(DeskFrame)
