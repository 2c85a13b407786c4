"""Chunk messages for the spans of a video. Pure."""

from collections.abc import Iterable
from itertools import pairwise

from msgspec import UNSET

from contracts.storage.port import video_key
from contracts.wire.messages import SCHEMA, SCHEMA_BY_PACKETS, Chunk, Jump, Media, PacketIndex, Plan, SeekPoint
from processor.core.cutting import Span


def chunks(
    spans: Iterable[Span], media: Media, index: PacketIndex, plan: Plan, job_id: str, video_id: str, pool: str = ""
) -> tuple[Chunk, ...]:
    """One chunk message per span."""
    several = index.frames is not UNSET
    # Release 1.0 tells frames apart by the container's own times.
    newer = several or index.origin is not UNSET or index.pids is not UNSET
    schema = SCHEMA_BY_PACKETS if newer else SCHEMA
    return tuple(
        Chunk(
            schema=schema,
            job_id=job_id,
            index=number,
            video_key=video_key(video_id),
            plan=plan,
            clock=index.clock,
            rotation=media.rotation,
            width=media.width,
            height=media.height,
            seeks=(*_dts(span.stretches[0].seeks), None),
            first_frame=span.first_frame,
            times=span.times,
            end=span.end,
            sampled=span.sampled,
            jumps=tuple(Jump(stretch.at, _dts(stretch.seeks)) for stretch in span.stretches[1:]),
            pool=pool,
            mirrored=media.mirrored,
            packets=span.packets,
            stretches=span.stretches,
            several=several or UNSET,
            pids=index.pids,
            time_base=UNSET if plan.options.frames is UNSET else index.time_base,
            continues=(span.run is not None and before is not None and span.run == before.run) or UNSET,
        )
        for number, (before, span) in enumerate(pairwise((None, *spans)))
        if span is not None
    )


def _dts(seeks: Iterable[SeekPoint | None]) -> tuple[int, ...]:
    return tuple(point.dts for point in seeks if point is not None and point.dts is not None)
