from chat.live.render import EventFrames
from tenants.resolution import CompanyRef

_HELD = 256


class Cursor:
    """How far one socket was sent one conversation, in its own numbering."""

    __slots__ = (
        "_held", "company", "is_behind", "is_over", "is_own", "is_reading", "looked_at", "seq",
    )  # fmt: skip

    def __init__(self, company: CompanyRef, seq: int) -> None:
        self.company = company
        self.seq = seq
        # While the socket reads from storage, what comes meanwhile waits.
        self.is_reading = False
        # Whether its last reading failed.
        self.is_behind = False
        self._held: list[EventFrames] = []
        # Whether the conversation has ended, which none takes back.
        self.is_over = False
        # Whether the person takes part, rather than reads along; the last desk seq when that was
        # looked at.
        self.is_own = True
        self.looked_at = 0

    def hold(self, frames: EventFrames) -> None:
        # Beyond the bound the gap is seen later, and read.
        if len(self._held) < _HELD:
            self._held.append(frames)

    def take_held(self) -> list[EventFrames]:
        held, self._held = self._held, []
        return held
