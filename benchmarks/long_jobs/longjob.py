"""A job that has ended, with as many objects as are wanted, in a service that runs: as the service would hold it."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
from sqlalchemy.orm import Session

from benchmarks.long_jobs.bigjob import CHUNK_SIZE, wandering
from contracts.database.engine import open_database
from contracts.database.tables import Job, new_id
from contracts.results import result_file
from contracts.results.codec import Block, decompress
from contracts.storage.open import open_storage
from contracts.storage.port import index_key, result_key
from contracts.wire.messages import Options, PacketIndex, decode, to_json
from processor.core.frame_order import frame_order
from processor.core.merging import Tally
from tests.support.deployments.service import Client, Service


def place(service: Service, client: Client, path: Path, objects: int) -> dict[str, Any]:
    """Upload the video, and a job of all its frames with so many objects each; the job as the API has it.

    The detector looks at the video's first moment alone. What it leaves (the job's row, the head of its result) is
    taken for a job of the whole, whose row and result file are written by the service's own code.
    """
    short = client.detect(path, options={"end_ms": 1})
    assert short["state"] == "succeeded", short
    settings = service.settings()
    storage = open_storage(settings)
    with storage.open(index_key(short["video_id"])) as source:
        index = decode(decompress(source.read()), PacketIndex)
    times = frame_order(index).times
    part = result_file.ResultFile(storage.open(result_key(short["video_id"], short["id"])))
    options = Options()
    header = msgspec.structs.replace(part.header, plan=msgspec.structs.replace(part.header.plan, options=options))
    part.close()
    assert len(times) == header.media.frames
    tally, chance = Tally(header.labels, header.time_base), np.random.default_rng(1)
    size = (header.media.width, header.media.height)

    def blocks() -> Iterator[Block]:
        for first in range(0, len(times), CHUNK_SIZE):
            numbers = range(first, min(first + CHUNK_SIZE, len(times)))
            block = wandering(numbers, times[first : first + CHUNK_SIZE], objects, size, chance)
            tally.add(block)
            yield block

    job_id = new_id()
    with storage.create(result_key(short["video_id"], job_id)) as sink:
        result_file.write(sink, header, blocks())
    engine = open_database(settings.database_url)
    with Session(engine) as session, session.begin():
        row = session.get_one(Job, short["id"])
        kept = {column.key: getattr(row, column.key) for column in Job.__table__.columns}
        summary = tally.summary(seconds=60.0, detector_seconds=60.0, cpu_seconds=120.0)
        own = {"id": job_id, "options": to_json(options), "summary": summary}
        frames = {"frames_total": tally.frames, "frames_done": tally.frames}
        session.add(Job(**{**kept, **own, **frames}))
    engine.dispose()
    client.call("DELETE", f"/jobs/{short['id']}", 204)
    return dict(client.call("GET", f"/jobs/{job_id}", 200))
