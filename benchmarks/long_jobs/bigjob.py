"""A job of very many frames, and the result store as the detectors would have left it."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from sqlalchemy.orm import Session

from contracts.database.engine import open_database
from contracts.database.tables import Base, Job, User, Video, new_id
from contracts.results import chunk_codec
from contracts.results.codec import BOX_SCALE, SCORE_SCALE, Block, compress
from contracts.results.open import open_result_store
from contracts.settings.table import Settings
from contracts.storage.open import open_storage
from contracts.storage.port import index_key
from contracts.wire.job_states import JobState
from contracts.wire.messages import SCHEMA, Chunk, Location, Media, Options, PacketIndex, encode, to_json
from processor.context import Services
from processor.jobs.stored_plan import read_plan

CHUNK_SIZE = 240
LABELS = 20  # that the objects have
_RATE, _TICKS, _GROUP = 25, 512, 48  # frames a second, ticks of a frame, frames of a group
_WIDTH, _HEIGHT = 1920, 1080


@dataclass(frozen=True)
class Filled:
    """What was put into the store: chunks, frames, objects, and bytes."""

    chunks: int
    frames: int
    objects: int
    stored: int


def settings_in(folder: Path, broker_url: str, store_url: str) -> Settings:
    """The settings of all who work on it."""
    return Settings(
        data_dir=str(folder),
        database_url=f"sqlite:///{folder}/web-detector.sqlite",
        broker_url=broker_url,
        result_store_url=store_url,
        chunk_size=CHUNK_SIZE,
        precision="fp32",
    )


def queue(settings: Settings, frames: int) -> str:
    """A job in the tables on a video that was probed, though its pixels are nowhere; the job's id."""
    media = Media("mp4", "h264", _WIDTH, _HEIGHT, 0, "1:1", frames / _RATE * 1000, frames, _RATE, False)
    times = tuple(number * _TICKS for number in range(frames))
    keyframes = tuple(range(0, frames, _GROUP))
    locations = tuple(Location(number, 1) for number in keyframes)
    index = PacketIndex(SCHEMA, (1, _RATE * _TICKS), "pts", times, times, keyframes, locations)
    user, video, job = new_id(), new_id(), new_id()
    with open_storage(settings).create(index_key(video)) as sink:
        sink.write(compress(encode(index)))
    engine = open_database(settings.database_url)
    Base.metadata.create_all(engine)
    with Session(engine) as session, session.begin():
        session.add(User(id=user, username="bench", password_hash=""))
        session.flush()
        session.add(_video(video, user, media))
        session.flush()
        model, options = settings.default_model, to_json(Options())
        session.add(Job(id=job, user_id=user, video_id=video, model=model, options=options, state=JobState.QUEUED))
    engine.dispose()
    return job


def fill(services: Services, job_id: str, objects: int) -> Filled:
    """Frames with so many objects each into the store, for each chunk of the job's plan."""
    job = services.repository.job(job_id)
    plan = read_plan(services, job) if job else None
    assert plan is not None, "the job is not planned"
    store = open_result_store(services.settings.result_store_url, services.settings.result_ttl_seconds)
    stored, frames = 0, 0
    for chunk, block in _results(plan.chunks, objects):
        data = chunk_codec.encode_frames(block)
        assert store.put_chunk(job_id, chunk.index, data)
        store.set_progress(job_id, chunk.index, len(block), 0.1)
        stored += len(data)
        frames += len(block)
    return Filled(len(plan.chunks), frames, frames * objects, stored)


def _results(chunks: tuple[Chunk, ...], objects: int) -> Iterator[tuple[Chunk, Block]]:
    chance = np.random.default_rng(1)
    for chunk in chunks:
        yield chunk, wandering(chunk.numbers, chunk.times, objects, (_WIDTH, _HEIGHT), chance)


def wandering(
    numbers: Sequence[int], times: Sequence[int], objects: int, size: tuple[int, int], chance: np.random.Generator
) -> Block:
    """So many objects in each of these frames, which wander over the picture, with scores that vary: nothing that
    compresses better than life. size: (width, height) of the picture in pixels."""
    length = len(times)
    room = np.array(size) * BOX_SCALE
    corner = chance.integers(0, room * 3 // 4, (1, objects, 2))
    corner = corner + chance.normal(0, 2 * BOX_SCALE, (length, objects, 2)).cumsum(axis=0)
    extent = chance.integers(room // 20, room // 5, (1, objects, 2)) + chance.normal(0, 50, (length, objects, 2))
    box = np.concatenate([corner, corner + extent], axis=2).clip(0, np.tile(room, 2))
    classes = np.tile(chance.integers(0, LABELS, objects), length)
    score = chance.integers(SCORE_SCALE * 35 // 100, SCORE_SCALE, length * objects)
    return Block(
        np.asarray(numbers, np.int64),
        np.asarray(times, np.int64),
        np.full(length, objects, np.uint32),
        classes.astype(np.uint16),
        score.astype(np.uint16),
        box.reshape(-1, 4).astype(np.int32),
    )


def _video(video_id: str, user_id: str, media: Media) -> Video:
    return Video(
        id=video_id,
        user_id=user_id,
        content_type="video/mp4",
        tags=[],
        size_bytes=0,
        sha256="0" * 64,
        media=to_json(media),
    )
