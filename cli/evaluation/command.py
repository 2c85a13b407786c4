"""`web-detector eval`: average precision of a model on a dataset, measured through the service."""

import time
import uuid
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

import msgspec

from cli.client.report import Report
from cli.client.shell import replacing, sign_in, terminable, writable
from cli.embedded.temporary_service import TemporaryServiceFailed, temporary_service
from cli.evaluation.dataset import Dataset, DatasetError, match
from cli.evaluation.gather import Asked, Found, gather, sweep
from cli.evaluation.reader import read
from contracts.runtime.exit_codes import ended
from web_detector.http_client import Client, ServiceError

if TYPE_CHECKING:
    from cli.evaluation.ap import Figures
    from cli.evaluation.tracking_scores import Scores

# Concurrent files: enough to keep the service busy.
_AT_ONCE = 8


@dataclass(frozen=True, kw_only=True)
class Request:
    """The arguments of the command line. start_score: of tracks, None where none are wanted."""

    model: str
    folder: Path
    annotations: Path | None
    min_score: float
    limit: int | None
    output: Path | None
    start_score: float | None = None


@dataclass(frozen=True, slots=True)
class Outcome:
    """labels: the model's label by category id. model: its representation in the API."""

    labels: dict[int, str]
    found: list[Found]
    seconds: float
    model: dict[str, Any]


def evaluate(request: Request, environ: Mapping[str, str]) -> int:
    """Run the command. Returns the exit status: 0, 1 for errors, 130 after an interrupt."""
    told = {ServiceError: "", TemporaryServiceFailed: "", DatasetError: "", OSError: ""}
    return ended(lambda: _evaluate(request, environ), told)


def _evaluate(request: Request, environ: Mapping[str, str]) -> int:
    report = Report()
    with terminable():
        if request.output:
            writable(request.output)
        _check_installed()
        with TemporaryDirectory(prefix="web-detector-eval-") as folder:
            joined = Path(folder) if request.start_score is not None else None
            dataset = read(request.folder, request.annotations, request.limit, joined)
            with _service(environ, report) as connect:
                outcome = _measured(connect, dataset, request, report)
        _conclude(dataset, outcome, request, report)
        return 0


def _check_installed() -> None:
    """Fail before the evaluation rather than after it. Raises ServiceError."""
    try:
        import cli.evaluation.ap  # noqa: F401
    except ImportError as error:
        raise ServiceError(f"eval needs pycocotools: pip install 'web-detector[eval]' ({error})") from error


@contextmanager
def _service(environ: Mapping[str, str], report: Report) -> Iterator[Callable[[], Client]]:
    """A function that connects to the service at WEB_DETECTOR_URL, or to a temporary service."""
    if url := environ.get("WEB_DETECTOR_URL", "").strip():
        yield lambda: sign_in(Client(url), environ)
        return
    report.say("starting the service")
    with temporary_service(environ) as local:
        with Client(local.url, direct=True) as first:
            first.register(local.username, local.password)
        yield lambda: _logged_in(Client(local.url, direct=True), (local.username, local.password))


def _logged_in(client: Client, user: tuple[str, str]) -> Client:
    client.login(*user)
    return client


def _measured(connect: Callable[[], Client], dataset: Dataset, request: Request, report: Report) -> Outcome:
    """Run all jobs. The uploads are deleted from the service in any case."""
    with ExitStack() as stack:
        clients = [stack.enter_context(connect()) for _ in range(min(_AT_ONCE, len(dataset.sources)))]
        model = _model(clients[0], request.model)
        labels = match(dataset.categories, model["labels"])
        options: dict[str, Any] = {"min_score": request.min_score}
        if set(labels.values()) != set(model["labels"]):
            options["labels"] = sorted(labels.values())
        tag = f"web-detector eval {uuid.uuid4()}"
        asked = Asked(
            model=model["id"],
            options=options,
            categories={name: key for key, name in labels.items()},
            tag=tag,
            tracker=None if request.start_score is None else {"start_score": request.start_score},
        )
        before = next((video["id"] for video in clients[0].videos()), None)
        total = len(dataset.images)
        began = time.monotonic()
        stack.callback(_clean, clients[0], tag, before, report)
        with report.evaluating() as bar:
            found = gather(clients, dataset.sources, asked, lambda done: bar.show(done, total))
        seconds = time.monotonic() - began
        return Outcome(labels, found, seconds, _model(clients[0], request.model))


def _clean(client: Client, tag: str, before: str | None, report: Report) -> None:
    """Delete the uploads. A failure is only a warning, so that it does not hide an earlier error."""
    try:
        sweep(client, tag, before)
    except ServiceError as error:
        report.warn(f"videos whose source is {tag!r} may be left at the service: {error}")


def _model(client: Client, model_id: str) -> dict[str, Any]:
    models = {model["id"]: model for model in client.models()}
    if model_id not in models:
        raise ServiceError(f"the service has no model {model_id!r}; it has {', '.join(models)}")
    return models[model_id]


def _conclude(dataset: Dataset, outcome: Outcome, request: Request, report: Report) -> None:
    from cli.evaluation.ap import measure
    from cli.evaluation.table import show, show_tracks

    if not any(truth.category_id in outcome.labels and not truth.crowd for truth in dataset.truths):
        raise DatasetError(f"{request.folder}: the images show no object of a category that the model knows")
    figures = measure(dataset, outcome.labels, outcome.found)
    count = len(dataset.images)
    report.say(f"\n{outcome.model['title']} on {request.folder} ({dataset.kind}), scores from {request.min_score}")
    report.say(f"{count} images in {outcome.seconds:.1f} s, {count / outcome.seconds:.1f} images/s")
    for loaded in outcome.model["loaded"]:
        report.say("computed by {engine} {version}, {device}, {precision}".format(**loaded))
    show(report, figures)
    scores = _scores(dataset, outcome, request)
    if scores is not None:
        show_tracks(report, scores)
    if unmatched := _unmatched(dataset, outcome):
        report.warn(
            f"the figures are over {len(outcome.labels)} of the dataset's {len(dataset.categories)} categories; "
            f"the model does not know: {', '.join(unmatched)}"
        )
    if request.output:
        with replacing(request.output) as sink:
            sink.write(msgspec.json.encode(_document(dataset, outcome, request, figures, scores)).decode() + "\n")
        report.say(f"figures and detections: {request.output}")


def _scores(dataset: Dataset, outcome: Outcome, request: Request) -> "Scores | None":
    """How well the tracks fit, where they are wanted."""
    from cli.evaluation.tracking import measure

    return None if request.start_score is None else measure(dataset, outcome.found)


def _unmatched(dataset: Dataset, outcome: Outcome) -> list[str]:
    return [item.name for item in dataset.categories if item.id not in outcome.labels]


def _document(
    dataset: Dataset, outcome: Outcome, request: Request, figures: "Figures", scores: "Scores | None"
) -> dict[str, Any]:
    """The content of the output file, with detections in COCO's results format."""
    tracks = {} if scores is None else {"start_score": request.start_score, "tracks": asdict(scores)}
    return {
        "model": {name: outcome.model[name] for name in ("id", "title", "engine", "loaded")},
        "dataset": {"folder": str(request.folder), "format": dataset.kind, "images": len(dataset.images)},
        "min_score": request.min_score,
        "seconds": round(outcome.seconds, 3),
        "figures": figures.overall,
        **tracks,
        "categories": [asdict(item) | {"label": outcome.labels[item.id]} for item in figures.categories],
        "unmatched": _unmatched(dataset, outcome),
        "images": [{"id": image.id, "file_name": image.name} for image in dataset.images],
        "detections": [
            {"image_id": item.image_id, "category_id": item.category_id, "bbox": item.box, "score": item.score}
            | ({"track_id": item.track} if item.track else {})
            for item in outcome.found
        ],
    }
