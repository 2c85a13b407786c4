"""Results as files: each is opened by a tool of its own, and holds what the results hold."""

import csv
import io
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pandas
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pycocotools import mask as coco_mask
from pycocotools.coco import COCO

from api.results.export_formats import FORMATS
from api.results.mask_area import areas
from api.results.selection import Query
from api.web.content_disposition import attachment
from contracts.errors import StoreUnavailable
from contracts.results.codec import Block, mask_column
from contracts.wire.messages import Options
from detector import masks_rle
from tests.support.deployments.service import Client, Service
from tests.support.results.example_results import LABELS, Made, block, header, results
from tests.support.results.exporting import exported
from tests.support.results.tracked_results import tracked

TEXTS = ("json", "ndjson", "csv", "coco")
Done = tuple[Client, dict[str, Any], list[dict[str, Any]]]

queries = st.builds(
    Query,
    labels=st.sampled_from([(), ("cat",), ("cup", "dog")]),
    min_score=st.none() | st.sampled_from([0.35, 0.6, 1.0]),
)


def written(made: Made, query: Query, form: str, *, bom: bool = False) -> str:
    return exported(made, form, query, bom=bom).decode()


def expected_rows(made: Made, query: Query) -> list[tuple[Any, ...]]:
    return [
        (seen.frame, seen.ms, LABELS[class_id], class_id, score / 10_000)
        for seen in made.seen()
        for class_id, score in seen.objects
        if (not query.labels or LABELS[class_id] in query.labels) and score >= 10_000 * (query.min_score or 0)
    ]


@given(results(running=False), queries)
def test_every_format_has_the_same_objects(made: Made, query: Query) -> None:
    expected = expected_rows(made, query)
    document = json.loads(written(made, query, "json"))
    lines = [json.loads(line) for line in written(made, query, "ndjson").splitlines()]
    assert document["frames"] == lines
    objects = [(frame, item) for frame in lines for item in frame["detections"]]
    names = ("label", "class_id", "score")
    assert [(frame["frame"], frame["time_ms"], *(item[name] for name in names)) for frame, item in objects] == expected

    table = list(csv.reader(io.StringIO(written(made, query, "csv"), newline=""), strict=True))
    assert table[0] == ["frame", "time_ms", "label", "class_id", "score", "x1", "y1", "x2", "y2"]
    read = [(int(row[0]), float(row[1]), row[2], int(row[3]), float(row[4])) for row in table[1:]]
    assert read == expected
    assert [[float(edge) for edge in row[5:]] for row in table[1:]] == [item["box"] for _, item in objects]

    coco = json.loads(written(made, query, "coco"))
    assert [(image["id"], image["time_ms"]) for image in coco["images"]] == [(s.frame, s.ms) for s in made.seen()]
    names_of = {category["id"]: category["name"] for category in coco["categories"]}
    found = [(item["image_id"], names_of[item["category_id"]], item["score"]) for item in coco["annotations"]]
    assert found == [(frame, label, score) for frame, _, label, _, score in expected]
    assert [item["id"] for item in coco["annotations"]] == list(range(1, len(expected) + 1))
    for annotation, (_, item) in zip(coco["annotations"], objects, strict=True):
        x1, y1, x2, y2 = item["box"]
        assert annotation["bbox"] == pytest.approx([x1, y1, x2 - x1, y2 - y1], abs=1e-6)
        assert annotation["area"] == pytest.approx((x2 - x1) * (y2 - y1))
        # Datumaro, with which CVAT imports, loses objects of category 0 and those without these fields.
        assert annotation["category_id"] == item["class_id"] + 1
        assert (annotation["segmentation"], annotation["iscrowd"]) == ([], 0)


def few(frames: list[tuple[int, int, list[tuple[int, int]]]], filled: list[bool]) -> Made:
    """A job that detects in few frames."""
    options = Options(frames="balanced")
    return Made(header(options=options), (0,), [replace(block(frames), filled=np.array(filled))])


def test_filled_frames_are_marked_in_every_format() -> None:
    frames = [(n, 40 * n, [(0, 5000), (1, 6000)] if n else []) for n in range(3)]
    made = few(frames, [False, True, False])
    lines = [json.loads(line) for line in written(made, Query(), "ndjson").splitlines()]
    assert [line.get("filled", "left out") for line in lines] == ["left out", True, "left out"]
    assert json.loads(written(made, Query(), "json"))["frames"] == lines
    rows = list(csv.DictReader(io.StringIO(written(made, Query(), "csv"), newline="")))
    assert [(row["frame"], row["filled"]) for row in rows] == [("1", "true")] * 2 + [("2", "false")] * 2
    coco = json.loads(written(made, Query(), "coco"))
    assert [image.get("filled", "left out") for image in coco["images"]] == ["left out", True, "left out"]
    assert [item.get("attributes") for item in coco["annotations"]] == [{"filled": True}] * 2 + [None] * 2


def test_csv_has_the_column_where_frames_may_be_filled_in_and_nowhere_else() -> None:
    frames = [(0, 0, [(0, 5000)])]
    assert written(few(frames, [False]), Query(), "csv").splitlines()[1].endswith(",false")
    plain = Made(header(), (0,), [block(frames)])
    assert "filled" not in "".join(written(plain, Query(), form) for form in TEXTS)


@pytest.mark.parametrize(("filled", "expected"), [(False, [0, 2]), (True, [1])])
def test_export_of_inferred_or_of_filled_frames_alone(filled: bool, expected: list[int]) -> None:
    made = few([(n, 40 * n, [(0, 5000)]) for n in range(3)], [False, True, False])
    text = {form: written(made, Query(filled=filled), form) for form in TEXTS}
    found = [json.loads(line)["frame"] for line in text["ndjson"].splitlines()]
    assert found == [frame["frame"] for frame in json.loads(text["json"])["frames"]] == expected
    assert [int(row["frame"]) for row in csv.DictReader(io.StringIO(text["csv"], newline=""))] == expected
    coco = json.loads(text["coco"])
    assert [image["id"] for image in coco["images"]] == expected
    assert [item["image_id"] for item in coco["annotations"]] == expected


def test_csv_begins_with_a_byte_order_mark_where_asked_for() -> None:
    made = Made(header(), (0,), [block([(0, 0, [(0, 5000)])])])
    assert written(made, Query(), "csv", bom=True) == "\ufeff" + written(made, Query(), "csv")


def test_a_label_with_commas_and_quotes_is_one_field() -> None:
    made = Made(header(), (0,), [block([(0, 0, [(0, 5000), (1, 5000)])])])
    made.header = msgspec.structs.replace(made.header, labels=('cat, "tabby"', "dog\nhound"))
    table = list(csv.reader(io.StringIO(written(made, Query(), "csv"), newline=""), strict=True))
    assert [row[2] for row in table] == ["label", 'cat, "tabby"', "dog\nhound"]
    assert written(made, Query(), "csv").count("\r\n") == 3


@pytest.mark.parametrize("label", ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", '=HYPERLINK("http://x","y")', "＝1"])
def test_a_label_is_no_formula_of_a_spreadsheet(label: str) -> None:
    made = Made(header(), (0,), [block([(0, 0, [(0, 5000)])])])
    made.header = msgspec.structs.replace(made.header, labels=(label,))
    table = list(csv.reader(io.StringIO(written(made, Query(), "csv"), newline=""), strict=True))
    assert table[1][2] == "'" + label
    assert json.loads(written(made, Query(), "ndjson"))["detections"][0]["label"] == label


bits = st.integers(0, 2**32 - 1).map(lambda seed: np.random.default_rng(seed).random((48, 64)) < 0.1 * (seed % 11))


@given(st.lists(bits, max_size=5))
def test_mask_areas_equal_those_of_pycocotools(masks: list[Any]) -> None:
    texts = [masks_rle.encode(mask, (64, 48)) for mask in masks]
    told = [int(coco_mask.area({"size": [48, 64], "counts": text})) for text in texts]
    assert areas(mask_column(texts)).tolist() == [int(mask.sum()) for mask in masks] == told


def test_pycocotools_reads_the_masks(tmp_path: Path) -> None:
    shapes = [np.zeros((48, 64), bool), np.zeros((48, 64), bool)]
    shapes[0][10:20, 5:9] = True
    shapes[1][0:48, 63:64] = True
    plain = block([(3, 120, [(0, 5000), (3, 9000)]), (4, 160, [])])
    masked = Block(
        plain.frame,
        plain.time,
        plain.count,
        plain.class_id,
        plain.score,
        plain.box,
        mask_column([masks_rle.encode(shape, (64, 48)) for shape in shapes]),
    )
    made = Made(header(), (3,), [masked])
    opened = _open_coco(written(made, Query(), "coco"), tmp_path)
    annotations = opened.loadAnns(opened.getAnnIds(imgIds=[3]))
    for annotation, shape in zip(annotations, shapes, strict=True):
        assert (opened.annToMask(annotation).astype(bool) == shape).all()
        assert annotation["area"] == shape.sum()
    assert opened.getAnnIds(imgIds=[4]) == []


def _open_coco(content: str, folder: Path) -> Any:
    path = folder / "coco.json"
    path.write_text(content)
    return COCO(str(path))


@pytest.mark.parametrize(
    ("name", "plain", "told"),
    [
        ("clip.mp4", "clip-x.csv", "clip-x.csv"),
        ("C:\\videos\\clip.one.MP4", "clip.one-x.csv", "clip.one-x.csv"),
        ("/etc/../passwd", "passwd-x.csv", "passwd-x.csv"),
        ("Größe 100%.mov", "Groe 100-x.csv", "Gr%C3%B6%C3%9Fe%20100%25-x.csv"),
        ("猫.mp4", "video-x.csv", "%E7%8C%AB-x.csv"),
        ('a"; b=c\r\nSet-Cookie: d.mp4', "a; b=cSet-Cookie d-x.csv", "a%3B%20b%3DcSet-Cookie%20d-x.csv"),
        ("..", "video-x.csv", "video-x.csv"),
        (None, "video-x.csv", "video-x.csv"),
    ],
)  # fmt: skip
def test_a_file_is_named_after_the_video(name: str | None, plain: str, told: str) -> None:
    assert attachment(name, "-x.csv") == f"attachment; filename=\"{plain}\"; filename*=UTF-8''{told}"


@pytest.fixture(scope="module")
def done(service: Service, full_sample: Path) -> Done:
    """A job whose frames differ: some have nothing in them."""
    client = service.client()
    job = client.detect(full_sample, model="nanodet-g")
    return client, job, client.frames(job)


def test_pandas_reads_the_csv(done: Done) -> None:
    client, job, frames = done
    response = client.request("GET", f"/jobs/{job['id']}/export", params={"format": "csv", "min_score": 0.5})
    assert response.headers["content-type"].startswith("text/csv")
    assert response.headers["content-disposition"].startswith('attachment; filename="things-detections.csv"')
    table = pandas.read_csv(io.BytesIO(response.content))
    for_excel = client.request("GET", f"/jobs/{job['id']}/export", params={"format": "csv", "min_score": 0.5, "bom": 1})
    assert for_excel.content == b"\xef\xbb\xbf" + response.content
    expected = [
        [frame["frame"], frame["time_ms"], item["label"], item["class_id"], item["score"], *item["box"]]
        for frame in frames
        for item in frame["detections"]
        if item["score"] >= 0.5
    ]
    assert table.to_numpy().tolist() == expected


def test_coco_loads_the_objects_of_every_frame(done: Done, tmp_path: Path) -> None:
    client, job, frames = done
    response = client.request("GET", f"/jobs/{job['id']}/export", params={"format": "coco"})
    assert response.headers["content-disposition"].startswith('attachment; filename="things-detections.coco.json"')
    coco = _open_coco(response.text, tmp_path)
    assert sorted(coco.getImgIds()) == [frame["frame"] for frame in frames]
    names = {category["id"]: category["name"] for category in coco.loadCats(coco.getCatIds())}
    assert len(names) == 80
    for frame in frames:
        found: list[Any] = [
            (names[item["category_id"]], item["score"], _corners(item["bbox"]))
            for item in coco.loadAnns(coco.getAnnIds(imgIds=[frame["frame"]]))
        ]
        assert found == [(item["label"], item["score"], pytest.approx(item["box"])) for item in frame["detections"]]


def test_documents_contain_frames_job_and_video(done: Done) -> None:
    client, job, frames = done
    path = f"/jobs/{job['id']}/export"
    document = client.call("GET", path, 200, params={"format": "json"})
    assert document["frames"] == frames
    assert (document["job"]["id"], document["video"]["id"]) == (job["id"], job["video_id"])
    assert document["model"]["id"] == job["model"]
    query = {"label": ["cat", "cup"], "min_score": 0.5}
    lines = client.request("GET", path, params={"format": "ndjson", **query})
    assert lines.content == client.lines(job, **query)
    held = {"If-None-Match": lines.headers["etag"]}
    again = client.request("GET", path, params={"format": "ndjson", **query}, headers=held)
    assert (again.status_code, again.content) == (304, b"")


def test_what_cannot_be_kept_is_refused(done: Done, service: Service, sample: Path) -> None:
    client, job, _ = done
    path = f"/jobs/{job['id']}/export"
    service.client().problem("GET", path, 404, "not_found", params={"format": "csv"})
    unknown = {"format": "csv", "label": "unicorn"}
    assert "unicorn" in client.problem("GET", path, 422, "invalid_input", params=unknown)
    for wrong in ({}, {"format": "xml"}, {"format": "csv", "min_score": 2}, {"format": "coco", "bom": 1}):
        assert client.request("GET", path, params=wrong).status_code in (400, 422)
    running = client.start({"id": job["video_id"]})
    client.problem("GET", f"/jobs/{running['id']}/export", 409, "results_not_ready", params={"format": "csv"})
    client.wait(running)


def _corners(box: list[float]) -> list[float]:
    x, y, width, height = box
    return [x, y, x + width, y + height]


def test_interrupted_export_does_not_look_complete() -> None:
    made = Made(header(), (0, 1), [block([(0, 0, [(0, 5000)])]), None])
    made.tracks = tracked([(0, 0, [(0, 5000, 1)])]).tracks
    for form in FORMATS:
        with pytest.raises(StoreUnavailable):
            exported(made, form)
