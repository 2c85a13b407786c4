"""A WHIP session as a source."""

from ingest.sources.port import SourceConfig, SourcePacket
from ingest.webrtc.session import WhipSession


class WebrtcSource:
    """Source of one WHIP session; it cannot be opened again: a sender that comes back begins a new session."""

    def __init__(self, session: WhipSession) -> None:
        self._session = session

    async def open(self) -> None:
        """Wait until the sender is connected. Raises SourceFailed."""
        await self._session.connected()

    async def read(self) -> SourceConfig | SourcePacket:
        """The next item. Raises SourceFailed."""
        return await self._session.read()

    async def close(self) -> None:
        """End the session."""
        await self._session.close()
