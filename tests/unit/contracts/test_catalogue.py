"""Entries of models: what is read, what is refused, and what tells two of them apart."""

import json
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from contracts.errors import ModelBroken, UnknownModel
from contracts.models import catalogue
from contracts.models.catalogue import COCO_80, COCO_91, Catalogue, HeadOptions, Model

MODEL = replace(catalogue.bundled("nanodet-g"), id="other", sha256="ab" * 32)

plain = st.text(max_size=5).filter(str.isprintable)
models = st.builds(
    lambda labels, size, feeds, options, masks, text: replace(
        MODEL,
        labels=tuple(labels),
        input_size=size,
        feeds=feeds,
        head_options=options,
        masks=masks,
        licence=text,
        url=text,
        sha256="" if text else "ab" * 32,
    ),
    st.one_of(st.just(COCO_80), st.just(COCO_91), st.lists(plain, max_size=4)),
    st.none() | st.tuples(st.integers(1, 4000), st.integers(1, 4000)),
    st.dictionaries(st.text(min_size=1, max_size=5), st.tuples(st.integers(0, 999)), max_size=2),
    st.builds(HeadOptions, box=st.sampled_from(("xyxy", "yxyx")), first_label=st.integers(0, 2), decoded=st.booleans()),
    st.booleans(),
    plain,
)


def write(folder: Path, name: str, content: bytes) -> None:
    (folder / name).write_bytes(content)


def raw(**changes: Any) -> dict[str, Any]:
    content: dict[str, Any] = json.loads(catalogue.write_entry(MODEL))
    return content | changes


@given(models)
def test_an_entry_is_read_back_as_it_was_written(model: Model) -> None:
    content = catalogue.write_entry(model)
    assert catalogue.entry(json.loads(content)) == model
    assert catalogue.write_entry(catalogue.entry(json.loads(content))) == content


@pytest.mark.parametrize("text", ["a\x1b[2J", "a\nb", "a\u202eb", "a\u200b", "a\x00", "a" * 1001])
def test_texts_that_a_terminal_or_browser_would_not_show_as_they_are_are_refused(text: str) -> None:
    for field in ({"labels": ["cat", text]}, {"title": text}, {"licence": text}):
        with pytest.raises(msgspec.ValidationError, match="write it plainly"):
            catalogue.entry(raw(**field))


def test_labels_with_a_name_are_written_by_it() -> None:
    assert raw()["labels"] == "coco-80"
    assert json.loads(catalogue.write_entry(replace(MODEL, labels=COCO_91)))["labels"] == "coco-91"
    assert json.loads(catalogue.write_entry(replace(MODEL, labels=("a",))))["labels"] == ["a"]


def test_the_91_numbers_of_coco_are_its_80_labels_with_gaps() -> None:
    assert len(COCO_91) == 91
    assert tuple(filter(None, COCO_91)) == COCO_80
    # As COCO's own annotation files number them.
    numbered = {1: "person", 11: "fire hydrant", 13: "stop sign", 25: "giraffe", 27: "backpack", 44: "bottle"}
    numbered |= {67: "dining table", 70: "toilet", 72: "tv", 82: "refrigerator", 84: "book", 90: "toothbrush"}
    assert {number: COCO_91[number] for number in numbered} == numbered
    assert [number for number, label in enumerate(COCO_91) if not label] == [
        0, 12, 26, 29, 30, 45, 66, 68, 69, 71, 83,
    ]  # fmt: skip


def test_catalogue_has_bundled_models_and_those_of_the_folder_read_on_demand(tmp_path: Path) -> None:
    known = Catalogue(tmp_path)
    assert [model.id for model in known.all()] == ["nanodet-g"]
    with pytest.raises(UnknownModel, match=r"'other'; known are: nanodet-g$"):
        known.get("other")
    write(tmp_path, "other.json", catalogue.write_entry(MODEL))
    assert known.get("other") == MODEL
    assert [model.id for model in known.all()] == ["nanodet-g", "other"]
    (tmp_path / "other.json").unlink()
    with pytest.raises(UnknownModel):
        known.get("other")


def test_missing_folder_has_no_models(tmp_path: Path) -> None:
    assert [model.id for model in Catalogue(tmp_path / "none").all()] == ["nanodet-g"]


def test_entry_in_the_folder_replaces_the_bundled_one(tmp_path: Path) -> None:
    own = replace(MODEL, id="nanodet-g", title="mine")
    write(tmp_path, "nanodet-g.json", catalogue.write_entry(own))
    assert Catalogue(tmp_path).get("nanodet-g") == own
    assert [model.title for model in Catalogue(tmp_path).all()] == ["mine"]


@pytest.mark.parametrize("model_id", ["../secret", "a/../../secret", "/secret", "", ".", "..", "SECRET", "secret\n"])
def test_id_cannot_escape_the_folder(tmp_path: Path, model_id: str) -> None:
    folder = tmp_path / "models"
    folder.mkdir()
    for place in (tmp_path, folder):
        write(place, "secret.json", catalogue.write_entry(replace(MODEL, id="secret")))
        write(place, "SECRET.json", catalogue.write_entry(replace(MODEL, id="secret")))
    with pytest.raises(UnknownModel, match="known are"):
        Catalogue(folder).get(model_id)


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "cannot be read"),
        (b"{", "cannot be read"),
        (b"[]", "array"),
        (b"{}", "missing required field"),
        (msgspec.json.encode(raw(id="another")), "its name must be another.json"),
        (msgspec.json.encode(raw(file="../../etc/passwd")), "file"),
        (msgspec.json.encode(raw(int8_file="/etc/passwd")), "int8_file"),
        (msgspec.json.encode(raw(sha256="AB")), "sha256"),
        (msgspec.json.encode(raw(labels="coco-81")), "known are: coco-80, coco-91"),
        (msgspec.json.encode(raw(fit="crop")), "fit"),
        (msgspec.json.encode(raw(channels="GRAY")), "channels"),
        (msgspec.json.encode(raw(colour="RGB")), "colour"),
        (msgspec.json.encode(raw(head_options={"boxes": "xyxy"})), "boxes"),
        (msgspec.json.encode(raw(input_size=[640])), "input_size"),
    ],
)
def test_broken_entry_is_named_and_hides_no_other(tmp_path: Path, content: bytes, reason: str) -> None:
    write(tmp_path, "other.json", content)
    write(tmp_path, "whole.json", catalogue.write_entry(replace(MODEL, id="whole")))
    with pytest.raises(ModelBroken, match=r"other\.json") as caught:
        Catalogue(tmp_path).get("other")
    assert reason in caught.value.detail
    assert [model.id for model in Catalogue(tmp_path).all()] == ["nanodet-g", "whole"]


def test_the_bundled_int8_file_leaves_the_digest_as_it_was_so_that_jobs_outlive_an_upgrade() -> None:
    bundled = catalogue.bundled("nanodet-g")
    assert bundled.int8_sha256
    assert bundled.digest() == replace(bundled, int8_file=None, int8_sha256="").digest()
    assert bundled.digest() == "88fb055cf633f14a9b35121a4a5c53d9bd4f92d642e2622ab9b7435fa9f49801"
    assert replace(bundled, int8_file="own.onnx", int8_sha256="ab" * 32).digest() != bundled.digest()


def test_digest_depends_only_on_fields_that_influence_results() -> None:
    shown = {"title", "licence", "source", "accuracy", "accuracy_source", "url", "size_bytes", "pool", "chunk_size"}
    other: dict[str, Any] = {
        "id": "x", "title": "x", "engine": "onnxruntime", "file": "x", "sha256": "cd" * 32, "size_bytes": 1,
        "int8_file": "x", "int8_sha256": "cd" * 32, "url": "x", "licence": "x", "source": "x", "accuracy": "x",
        "accuracy_source": "x", "input_size": (1, 1), "fit": "pad", "channels": "RGB", "mean": (1.0, 1.0, 1.0),
        "std": (2.0, 2.0, 2.0), "head": "x", "head_options": HeadOptions(first_label=1), "outputs": {"a": "b"},
        "feeds": {"a": (1,)}, "labels": ("x",), "config": "x", "sides": (1, 2), "masks": True, "pool": "x",
        "chunk_size": 1,
    }  # fmt: skip
    # A field of its own has to say here which kind it is.
    assert other.keys() == set(Model.__struct_fields__)
    for name, value in other.items():
        changed = replace(MODEL, **{name: value})
        assert getattr(changed, name) != getattr(MODEL, name)
        assert (changed.digest() == MODEL.digest()) == (name in shown), name
