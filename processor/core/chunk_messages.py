"""Chunk messages for the spans of a video. Pure."""

from collections.abc import Iterable

from contracts.storage.port import video_key
from contracts.wire.messages import SCHEMA, Chunk, Media, PacketIndex, Plan
from processor.core.cutting import Span


def chunks(
    spans: Iterable[Span], media: Media, index: PacketIndex, plan: Plan, job_id: str, video_id: str, pool: str = ""
) -> tuple[Chunk, ...]:
    """One chunk message per span."""
    return tuple(
        Chunk(
            schema=SCHEMA,
            job_id=job_id,
            index=number,
            video_key=video_key(video_id),
            plan=plan,
            clock=index.clock,
            rotation=media.rotation,
            width=media.width,
            height=media.height,
            seeks=span.seeks,
            first_frame=span.first_frame,
            times=span.times,
            end=span.end,
            sampled=span.sampled,
            jumps=span.jumps,
            pool=pool,
            mirrored=media.mirrored,
        )
        for number, span in enumerate(spans)
    )
