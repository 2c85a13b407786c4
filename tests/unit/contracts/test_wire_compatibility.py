"""Roles of two releases read each other's messages, and a new field changes no byte of what does not use it."""

from typing import Any, get_args

import msgspec
import pytest

from contracts.errors import UnsupportedSchema
from contracts.wire import messages
from contracts.wire.messages import SCHEMA, SCHEMA_OF_RUNS, Options, decode, encode, from_json, to_json
from tests.unit.contracts import messages_1_0

MEDIA: dict[str, Any] = {
    "container": "mov,mp4",
    "codec": "h264",
    "width": 640,
    "height": 360,
    "rotation": 90,
    "pixel_aspect": "1:1",
    "duration_ms": 1000.0,
    "frames": 25,
    "fps": 25.0,
    "variable_fps": False,
}
OPTIONS: list[dict[str, Any]] = [
    {},
    {
        "min_score": 0.5,
        "labels": ("cup",),
        "every_n": 2,
        "start_ms": 10.0,
        "end_ms": 900.0,
        "region": (0.0, 0.0, 0.5, 1.0),
        "masks": True,
    },
]
NAMES = ("Options", "Media", "PacketIndex", "Plan", "Jump", "Chunk", "FrameRange", "ResultHeader", "JobPlan")


class NewOptions(Options, frozen=True):
    """Options of a later release with one more, declared as the rules say."""

    deinterlace: bool | msgspec.UnsetType = msgspec.UNSET


def plan_of(release: Any, options: Any) -> Any:
    """A job's plan with all nested messages, made with the types of a release."""
    plan = release.Plan("nanodet-g", "0" * 64, "openvino", "auto", options)
    missing = (release.FrameRange(3, 4, "decode_failed"),)
    header = release.ResultHeader(SCHEMA, release.Media(**MEDIA), (1, 90_000), plan, ("cup", "table"), False, missing)
    chunk = release.Chunk(
        schema=SCHEMA,
        job_id="7e1d",
        index=0,
        video_key="videos/7e1d/content",
        plan=plan,
        clock="pts",
        rotation=0,
        width=640,
        height=360,
        seeks=(0, None),
        first_frame=0,
        times=(0, 3600),
        end=7200,
        jumps=(release.Jump(1, (3600,)),),
    )
    return release.JobPlan(SCHEMA, header, (chunk,))


@pytest.mark.parametrize("options", OPTIONS)
def test_messages_have_the_bytes_of_release_1_0(options: dict[str, Any]) -> None:
    then, now = (plan_of(release, release.Options(**options)) for release in (messages_1_0, messages))
    assert encode(now) == encode(then)
    assert to_json(now) == to_json(then)


@pytest.mark.parametrize("options", OPTIONS)
def test_new_option_at_its_default_changes_no_byte(options: dict[str, Any]) -> None:
    now, later = (plan_of(messages, kind(**options)) for kind in (Options, NewOptions))
    assert encode(later) == encode(now)
    assert encode(later.header) == encode(now.header)


@pytest.mark.parametrize("options", OPTIONS)
def test_release_1_0_reads_messages_that_do_not_use_a_new_option(options: dict[str, Any]) -> None:
    later = plan_of(messages, NewOptions(**options))
    then = plan_of(messages_1_0, messages_1_0.Options(**options))
    assert decode(encode(later), messages_1_0.JobPlan) == then
    (chunk,) = later.chunks
    assert from_json(to_json(chunk), messages_1_0.Chunk) == then.chunks[0]


def test_release_1_0_refuses_to_detect_in_few_frames() -> None:
    few = plan_of(messages, Options(min_score=0.5, frames="fine"))
    assert decode(encode(few), messages.JobPlan) == few
    with pytest.raises(msgspec.ValidationError, match="unknown field `frames`"):
        decode(encode(few), messages_1_0.JobPlan)


@pytest.mark.parametrize("options", OPTIONS)
def test_this_release_reads_messages_of_release_1_0(options: dict[str, Any]) -> None:
    then, now = (plan_of(release, release.Options(**options)) for release in (messages_1_0, messages))
    assert decode(encode(then), messages.JobPlan) == now
    assert from_json(to_json(then.chunks[0]), messages.Chunk) == now.chunks[0]


def test_this_release_ignores_unknown_fields_of_a_later_one() -> None:
    later = to_json(plan_of(messages, NewOptions(deinterlace=True)))
    for holder in (later, later["header"], later["header"]["media"], later["header"]["plan"], later["chunks"][0]):
        holder["later"] = 1
    assert "deinterlace" in later["header"]["plan"]["options"]
    assert decode(msgspec.msgpack.encode(later), messages.JobPlan) == plan_of(messages, Options())


@pytest.mark.parametrize("name", NAMES)
def test_fields_added_since_release_1_0_are_omitted_at_their_default(name: str) -> None:
    then, now = (msgspec.structs.fields(getattr(release, name)) for release in (messages_1_0, messages))
    assert [(field.name, field.default) for field in now[: len(then)]] == [(f.name, f.default) for f in then]
    for field in now[len(then) :]:
        assert field.default is msgspec.UNSET, field.name
        assert msgspec.UnsetType in get_args(field.type), field.name


@pytest.mark.parametrize("name", ["PacketIndex", "Chunk", "ResultHeader", "JobPlan"])
def test_message_of_a_later_schema_is_refused(name: str) -> None:
    plan = plan_of(messages, Options())
    index = messages.PacketIndex(SCHEMA, (1, 25), "pts", (0,), (0,), (0,))
    message = {"PacketIndex": index, "Chunk": plan.chunks[0], "ResultHeader": plan.header, "JobPlan": plan}[name]
    latest = SCHEMA_OF_RUNS if name == "Chunk" else SCHEMA
    content = to_json(message) | {"schema": latest + 1}
    says = rf"{name} has schema {latest + 1}, and this release reads up to {latest}"
    with pytest.raises(UnsupportedSchema, match=says):
        from_json(content, type(message))
    with pytest.raises(UnsupportedSchema, match=says):
        decode(msgspec.msgpack.encode(content), type(message))
