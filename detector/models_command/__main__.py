"""Entry point of `python -m detector.models_command`: parse, call, print."""

import argparse
import logging
import signal
import sys
from collections.abc import Sequence
from typing import NoReturn

import msgspec

from contracts.errors import SettingsError
from contracts.models.catalogue import Model
from contracts.runtime.exit_codes import ended
from contracts.settings.load import load
from contracts.settings.table import Settings
from detector.engine import EngineConfig
from detector.models_command import add, arguments, listing, pull
from detector.models_command.download import OnProgress
from detector.models_command.models_folder import Folder


def main(argv: Sequence[str] | None = None) -> int:
    """Entry point. Exit codes: 0, 1 for an error, 130 after an interrupt."""
    options = arguments.parser().parse_args(argv)
    logging.basicConfig(level=logging.CRITICAL)  # errors are printed once, by this command
    return ended(lambda: _run(options, load(None)), {SettingsError: "", OSError: ""})


def _run(options: argparse.Namespace, settings: Settings) -> int:
    folder = Folder(settings)
    config = EngineConfig(settings.detector_device, settings.detector_threads, settings.detector_batch)
    match options.command:
        case "list":
            found = listing.rows(folder)
            lines = [msgspec.json.format(msgspec.json.encode(found)).decode()] if options.json else listing.table(found)
            print(*lines, sep="\n")
        case "add":
            _added(add.add(_addition(options), folder, config, _say), folder)
        case "pull":
            request = pull.Request(
                model_id=options.id,
                sha256=options.sha256,
                url=options.url,
                untried=options.untried,
                replace=options.replace,
            )
            _added(pull.pull(request, folder, config, _say, _progress()), folder)
        case "quantize":
            from detector.models_command import quantize  # imports a library that takes a second to load

            job = quantize.Request(model_id=options.id, videos=tuple(options.video), frames=options.frames)
            print(*quantize.lines(*quantize.quantize(job, folder, config, _say)), sep="\n")
        case "verify":
            broken = listing.verify(options.ids, folder, config, _say)
            return 1 if broken else 0
        case "remove":
            for path in folder.remove(options.id):
                print(f"removed {path}")
            if options.id == settings.default_model:
                print(f"WARNING: DEFAULT_MODEL is {options.id}: set another one", file=sys.stderr)
    return 0


def _addition(options: argparse.Namespace) -> add.Request:
    said = arguments.said(options)
    if options.labels is not None:
        said["labels"] = add.labels_from(options.labels)
    return add.Request(
        file=options.file,
        model_id=options.id,
        like=options.like,
        said=said,
        replace=options.replace,
        **({"photos": tuple(options.photo)} if options.photo else {}),
    )


def _added(model: Model, folder: Folder) -> None:
    print(f"added: {model.id}, in {folder.path}; use it: web-detector detect --model {model.id} FILE")


def _say(line: str) -> None:
    print(line, flush=True)


def _progress() -> OnProgress:
    """Prints download progress, once for every tenth and only to a terminal."""
    shown = -1

    def show(done: int, total: int) -> None:
        nonlocal shown
        tenth = 10 * done // total if total else done >> 26
        if tenth != shown and sys.stderr.isatty():
            shown = tenth
            print(f"  {done / 1e6:.0f} MB" + (f" of {total / 1e6:.0f}" if total else ""), file=sys.stderr, flush=True)

    return show


def _interrupt(*_: object) -> NoReturn:
    raise KeyboardInterrupt


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, _interrupt)  # so that no partial file is left in the folder
    sys.exit(main())
