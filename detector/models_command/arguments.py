"""The command line of `web-detector models`."""

import argparse
from pathlib import Path
from typing import Any

from contracts.errors import InvalidInput
from detector.engines.registry import for_files
from detector.heads import HEADS

_ENGINES = for_files(".onnx")
_PROGRAM = "web-detector models"


def parser() -> argparse.ArgumentParser:
    """The argument parser; the parsed options have `command`."""
    about = "The models that jobs may name: see docs/detection/models.md."
    top = argparse.ArgumentParser(prog=_PROGRAM, description=about)
    commands = top.add_subparsers(dest="command", required=True)
    listing = commands.add_parser("list", help="installed models, and models that can be pulled")
    listing.add_argument("--json", action="store_true", help="as JSON")
    _add(commands.add_parser("add", help="add an ONNX file of your own"))
    pull = commands.add_parser("pull", help="download a known model from its project")
    pull.add_argument("id", metavar="ID")
    pull.add_argument("--sha256", default="", metavar="HASH", help="of the file, where its catalogue entry has none")
    pull.add_argument("--url", default="", help="download it from this https address instead")
    pull.add_argument(
        "--untried", action="store_true", help="install it without a test run, where the engine is missing"
    )
    pull.add_argument("--replace", action="store_true", help="replace an existing model of that id")
    verify = commands.add_parser("verify", help="check the files against their entries, and run each model")
    verify.add_argument("ids", nargs="*", metavar="ID")
    quantize = commands.add_parser("quantize", help="make an int8 file, calibrated with your videos")
    quantize.add_argument("id", metavar="ID")
    quantize.add_argument(
        "--video", type=Path, action="append", required=True, metavar="FILE", help="calibration video; can be repeated"
    )
    quantize.add_argument(
        "--frames",
        type=_count,
        default=100,
        metavar="N",
        help="frames of all videos together; default: 100",
    )
    remove = commands.add_parser("remove", help="remove a model and its files")
    remove.add_argument("id", metavar="ID")
    return top


def said(options: argparse.Namespace) -> dict[str, Any]:
    """The fields of a catalogue entry that the options of `add` set."""
    names = ("engine", "head", "channels", "fit", "licence", "source", "title", "accuracy", "accuracy_source", "pool")
    fields = {name: getattr(options, name) for name in names if getattr(options, name) is not None}
    fields |= {name: getattr(options, name) for name in ("mean", "std", "input_size") if getattr(options, name)}
    head_options = {
        "box": options.box,
        "units": options.units,
        "first_label": options.first_label,
        "activation": options.activation,
        "max_iou": options.max_iou,
        "decoded": options.decoded,
        "joined": options.joined,
    }
    chosen = {name: value for name, value in head_options.items() if value is not None}
    fields |= {"head_options": chosen} if chosen else {}
    fields |= {"outputs": dict(_pair(text) for text in options.output)} if options.output else {}
    feeds = {name: _whole_numbers(value) for name, value in (_pair(text) for text in options.feed)}
    return fields | ({"feeds": feeds} if feeds else {})


def _add(add: argparse.ArgumentParser) -> None:
    add.description = "Options that are left out are derived from the file where it is unambiguous, and shown."
    add.add_argument("file", type=Path, metavar="FILE.onnx")
    add.add_argument("--id", help="the id that jobs use; default: the file's name")
    add.add_argument("--like", metavar="ID", help="take the settings of that known model (see models list)")
    add.add_argument("--replace", action="store_true", help="replace an existing model of that id")
    add.add_argument("--engine", choices=_ENGINES, help=f"default: {_ENGINES[0]}")
    add.add_argument("--head", choices=sorted(HEADS), help="post-processing of the outputs")
    add.add_argument("--labels", metavar="FILE", help="a file with one label per line, or coco-80, or coco-91")
    add.add_argument("--channels", choices=("BGR", "RGB"), help="colour order")
    add.add_argument("--mean", type=_channel, metavar="A,B,C", help="for pixel values 0 to 255, in colour order")
    add.add_argument("--std", type=_channel, metavar="A,B,C", help="the same")
    add.add_argument("--fit", choices=("stretch", "pad", "pad_centre"), help="how frames are scaled to the input size")
    add.add_argument("--input-size", type=_size, metavar="WxH", help="where the file takes any")
    for name in ("licence", "source", "title", "accuracy", "accuracy-source", "pool"):
        add.add_argument(f"--{name}", metavar="TEXT")
    add.add_argument("--photo", type=Path, action="append", default=[], metavar="FILE", help="try it on this picture")
    head = add.add_argument_group("how its head reads the outputs")
    head.add_argument("--box", choices=("xyxy", "yxyx", "cxcywh"))
    head.add_argument("--units", choices=("pixel", "unit"))
    head.add_argument("--first-label", type=int, metavar="N")
    head.add_argument("--activation", choices=("none", "sigmoid", "softmax"))
    head.add_argument("--max-iou", type=float, metavar="SHARE")
    head.add_argument("--decoded", action=argparse.BooleanOptionalAction, default=None)
    head.add_argument(
        "--joined", action=argparse.BooleanOptionalAction, default=None, help="what it reads are columns of one output"
    )
    head.add_argument("--output", action="append", default=[], metavar="ROLE=NAME", help="an output's name in the file")
    head.add_argument("--feed", action="append", default=[], metavar="NAME=1,2", help="constants for another input")


def _channel(text: str) -> tuple[float, ...]:
    values = tuple(float(part) for part in text.split(","))
    if len(values) == 1:
        values *= 3
    if len(values) != 3:
        raise argparse.ArgumentTypeError("three numbers, or one for all")
    return values


def _count(text: str) -> int:
    count = int(text)
    if count < 1:
        raise argparse.ArgumentTypeError("at least 1")
    return count


def _size(text: str) -> tuple[int, int]:
    width, _, height = text.lower().partition("x")
    size = int(width), int(height or width)
    if min(size) < 1:
        raise argparse.ArgumentTypeError("a width and a height in pixels, as in 640x480")
    return size


def _pair(text: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not (name and equals and value):
        raise InvalidInput(f"{text!r} is not NAME=VALUE")
    return name, value


def _whole_numbers(text: str) -> tuple[int, ...]:
    try:
        return tuple(int(part) for part in text.split(","))
    except ValueError:
        raise InvalidInput(f"{text!r} is not a list of integers such as 640,640") from None
