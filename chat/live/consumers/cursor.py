import dataclasses

from chat.live.render import EventFrames
from tenants.resolution import CompanyRef

_HELD = 256


@dataclasses.dataclass(slots=True, eq=False)
class Cursor:
    """How far one socket was sent one conversation, in its own numbering."""

    company: CompanyRef
    seq: int
    # While the socket reads from storage, what comes meanwhile waits.
    is_reading: bool = False
    # Whether its last reading failed.
    is_behind: bool = False
    # Whether the conversation has ended, which none takes back.
    is_over: bool = False
    # Whether the person takes part, rather than reads along; the last desk seq when that was
    # looked at.
    is_own: bool = True
    looked_at: int = 0
    _held: list[EventFrames] = dataclasses.field(default_factory=list, init=False)

    def hold(self, frames: EventFrames) -> None:
        # Beyond the bound the gap is seen later, and read.
        if len(self._held) < _HELD:
            self._held.append(frames)

    def take_held(self) -> list[EventFrames]:
        held, self._held = self._held, []
        return held
