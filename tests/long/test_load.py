"""Many clients at once get their answers; how soon, `make bench-load` tells."""

import asyncio
from pathlib import Path

from benchmarks.service.load import Crowd
from tests.support.deployments.embedded import Embedded
from tests.support.deployments.modes import EmbeddedMode

CLIENTS = 60
SECONDS = 10


def test_requests_are_answered_during_uploads_and_jobs(tmp_path: Path, sample: Path) -> None:
    with EmbeddedMode().run(tmp_path) as service:
        assert isinstance(service, Embedded)
        seen = asyncio.run(Crowd(service, sample, CLIENTS, SECONDS).run())
        assert len(seen.polls) >= CLIENTS
        assert {what for what, _ in seen.answers} == {"poll", "upload", "job"}
        assert not seen.wrong, seen.wrong
        complaints = [line for line in service.output().splitlines() if " ERROR " in line or "Traceback" in line]
        assert complaints == []
