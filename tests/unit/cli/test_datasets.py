"""Datasets as `web-detector eval` reads them: what counts, and clear errors for what cannot be read."""

import json
import re
from pathlib import Path
from typing import Any

import pytest

from cli.evaluation.dataset import Category, DatasetError, match
from cli.evaluation.reader import read

COCO: dict[str, Any] = {
    "info": {"year": 2026},
    "images": [
        {"id": 7, "file_name": "b.jpg", "width": 64, "height": 48},
        {"id": 3, "file_name": "deep/a.jpg", "width": 32, "height": 24},
    ],
    "annotations": [
        {"id": 0, "image_id": 3, "category_id": 90, "bbox": [1, 2, 3.5, 4], "area": 9.5, "iscrowd": 1},
        {"id": 1, "image_id": 7, "category_id": 1, "bbox": [0, 0, 10, 20]},
    ],
    "categories": [{"id": 1, "name": "person"}, {"id": 90, "name": "toothbrush"}],
}
INFO = "[Sequence]\nname=S-01\nimDir=img1\nframeRate=30\nseqLength=3\nimWidth=100\nimHeight=80\nimExt=.jpg\n"


@pytest.fixture
def coco(tmp_path: Path) -> Path:
    for name in ("pictures/b.jpg", "pictures/deep/a.jpg"):
        (tmp_path / name).parent.mkdir(exist_ok=True, parents=True)
        (tmp_path / name).touch()
    write(tmp_path, COCO)
    return tmp_path


@pytest.fixture
def mot(tmp_path: Path) -> Path:
    return sequence(tmp_path / "S-01", "1,1,11,21,30,40,1,1,0.9\n")


def write(folder: Path, content: Any) -> Path:
    path = folder / "annotations/instances_x.json"
    path.parent.mkdir(exist_ok=True)
    path.write_text(content if isinstance(content, str) else json.dumps(content))
    return path


def sequence(folder: Path, truth: str, info: str = INFO) -> Path:
    for name in ("gt/gt.txt", *(f"img1/00000{number}.jpg" for number in (1, 2, 3))):
        (folder / name).parent.mkdir(exist_ok=True, parents=True)
        (folder / name).touch()
    (folder / "gt/gt.txt").write_text(truth)
    (folder / "seqinfo.ini").write_text(info)
    return folder


def changed(what: str, place: int, **values: Any) -> dict[str, Any]:
    """COCO with other values in one entry."""
    return COCO | {what: [item | values if n == place else item for n, item in enumerate(COCO[what])]}


def fails(folder: Path, annotations: Path | None = None) -> str:
    with pytest.raises(DatasetError) as caught:
        read(folder, annotations)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_coco_is_read_with_images_from_anywhere_below(coco: Path) -> None:
    dataset = read(coco)
    assert (dataset.kind, [category.name for category in dataset.categories]) == ("COCO", ["person", "toothbrush"])
    assert [source.path.relative_to(coco) for source in dataset.sources] == [
        Path("pictures/b.jpg"),
        Path("pictures/deep/a.jpg"),
    ]
    assert [(image.id, image.width, image.height) for image in dataset.images] == [(7, 64, 48), (3, 32, 24)]
    crowd, person = dataset.truths
    assert (crowd.image_id, crowd.category_id, crowd.box, crowd.area, crowd.crowd) == (3, 90, (1, 2, 3.5, 4), 9.5, True)
    assert (person.box, person.area, person.crowd) == ((0, 0, 10, 20), 200, False)


def test_only_the_first_images_and_what_is_in_them(coco: Path) -> None:
    dataset = read(coco, limit=1)
    assert [image.id for image in dataset.images] == [7]
    assert [truth.image_id for truth in dataset.truths] == [7]
    assert len(read(coco, limit=9).images) == 2


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ('{"images": [],\n\n "annotations": [}', "malformed.*, line 3"),
        ("", "truncated"),
        ([], "Expected `object`, got `array`"),
        ({"images": [], "annotations": []}, "missing required field `categories`"),
        (changed("images", 1, width="wide"), r"\$\.images\[1\]\.width"),
        (changed("images", 1, id=7), r"images\[1\]: duplicate id 7"),
        (changed("categories", 1, id=1), r"categories\[1\]: duplicate id 1"),
        (changed("annotations", 0, image_id=8), r"annotations\[0\]: there is no image 8"),
        (changed("annotations", 1, category_id=2), r"annotations\[1\]: there is no category 2"),
        (changed("annotations", 1, bbox=[0, 0, 10]), r"\$\.annotations\[1\]\.bbox"),
        (changed("annotations", 1, bbox=[0, 0, -1, 5]), r"\$\.annotations\[1\]\.bbox\[2\]"),
        (changed("images", 0, file_name="c.jpg"), "the image c.jpg is not in"),
        (COCO | {"images": [], "annotations": []}, "has no images"),
    ],
)
def test_a_coco_file_that_is_wrong_is_named_with_the_place(coco: Path, content: Any, message: str) -> None:
    path = write(coco, content)
    text = fails(coco)
    assert re.search(message, text), text
    assert str(path) in text or "no images" in text


def test_two_pictures_of_one_name_are_told_apart_by_their_folders_or_refused(coco: Path) -> None:
    (coco / "other/deep").mkdir(parents=True)
    (coco / "other/a.jpg").touch()
    assert read(coco).sources[1].path == coco / "pictures/deep/a.jpg"
    (coco / "other/deep/a.jpg").touch()
    assert "the image deep/a.jpg is ambiguous: there are" in fails(coco)


def test_pictures_may_lie_behind_links(coco: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    elsewhere = tmp_path_factory.mktemp("elsewhere")
    (coco / "pictures").rename(elsewhere / "pictures")
    (coco / "val").symlink_to(elsewhere / "pictures")
    (elsewhere / "pictures/again").symlink_to(coco)
    assert [source.path for source in read(coco).sources] == [coco / "val/b.jpg", coco / "val/deep/a.jpg"]


def test_which_annotations_are_meant_must_be_clear(coco: Path) -> None:
    (coco / "annotations/instances_y.json").write_text(json.dumps(COCO))
    assert "instances_x.json, instances_y.json: name one of them with --annotations" in fails(coco)
    assert len(read(coco, coco / "annotations/instances_y.json").images) == 2
    assert "no.json cannot be read: No such file" in fails(coco, coco / "no.json")


def test_a_folder_without_a_dataset_is_refused_with_what_is_looked_for(tmp_path: Path) -> None:
    assert "there is no folder" in fails(tmp_path / "x")
    text = fails(tmp_path)
    assert "annotations/instances_*.json" in text
    assert "seqinfo.ini" in text


def test_mot_rows_count_by_class_and_flag(mot: Path) -> None:
    rows = [
        "1,1,11,21,30,40,1,1,0.9",
        "2,1,11,21,30,40,0,1,0.9",  # a pedestrian that does not count
        "2,2,11,21,30,40,1,3,0.9",  # a car
        "3,3,11,21,30,40,0,8,0.9",  # a distractor
        "3,4,-9,71,30,40,1,1,0",  # sticks out at the left and at the bottom
        "3,5,200,71,30,40,1,1,0",  # outside
        "",
    ]
    (mot / "gt/gt.txt").write_text("\r\n".join(rows))
    dataset = read(mot)
    assert [(truth.image_id, truth.box, truth.crowd) for truth in dataset.truths] == [
        (1, (10, 20, 30, 40), False),
        (2, (10, 20, 30, 40), True),
        (3, (10, 20, 30, 40), True),
        (3, (0, 70, 20, 10), False),
    ]
    assert [image.name for image in dataset.images] == ["S-01/000001", "S-01/000002", "S-01/000003"]
    assert match(dataset.categories, ["dog", "Pedestrian"]) == {1: "Pedestrian"}


def test_rows_of_2015_are_all_pedestrians(mot: Path) -> None:
    (mot / "gt/gt.txt").write_text("1,1,11,21,30,40,1,-1,-1,-1\n2,1,11,21,30,40,0,4.5,7.1,0\n")
    assert [truth.crowd for truth in read(mot).truths] == [False, True]


def test_sequences_are_one_dataset_in_the_order_of_their_names(tmp_path: Path) -> None:
    sequence(tmp_path / "B", "1,1,11,21,30,40,1,1,1\n", INFO.replace("S-01", "B"))
    sequence(tmp_path / "A", "", INFO.replace("S-01", "A"))
    dataset = read(tmp_path, limit=5)
    assert [image.name for image in dataset.images] == ["A/000001", "A/000002", "A/000003", "B/000001", "B/000002"]
    assert [truth.image_id for truth in dataset.truths] == [4]


def test_a_sequence_without_single_frames_has_one_video(mot: Path) -> None:
    for path in (mot / "img1").iterdir():
        path.unlink()
    (mot / "img1").rmdir()
    assert "has neither the folder img1 nor one video: no video" in fails(mot)
    (mot / "S-01.webm").touch()
    (source,) = read(mot, limit=2).sources
    assert (source.path.name, source.frames, [image.id for image in source.images]) == ("S-01.webm", 3, [1, 2])
    (mot / "S-01.mp4").touch()
    assert "2 videos" in fails(mot)


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ("1,1,11,21,30,40,1,1", "has 8 columns, not 9"),
        ("1,1,11,21,x,40,1,1,1", "could not convert string to float: 'x'"),
        ("1,1,11,21,nan,40,1,1,1", "has a number that is not finite"),
        ("4,1,11,21,30,40,1,1,1", "frame 4 is not one of 1 to 3"),
        ("0,1,11,21,30,40,1,1,1", "frame 0 is not one of 1 to 3"),
        ("1.5,1,11,21,30,40,1,1,1", "frame 1.5 is not one of 1 to 3"),
        ("1,1,11,21,-30,40,1,1,1", "the box is -30 wide"),
    ],
)
def test_a_row_that_is_wrong_is_named_with_its_line(mot: Path, row: str, message: str) -> None:
    (mot / "gt/gt.txt").write_text(f"1,1,11,21,30,40,1,1,1\n\n{row}\n")
    assert f"{mot}/gt/gt.txt, line 3: {message}" in fails(mot)


@pytest.mark.parametrize(
    ("info", "message"),
    [
        ("", "there is no section [Sequence]"),
        ("[Sequence]\nname=x\n", "seqLength and imWidth and imHeight must be set"),
        (INFO.replace("=100", "=0"), "imWidth must be set, and at least 1"),
        (INFO.replace("=100", "=wide"), "'wide'"),
        ("name=x\n", "no section headers"),
        (INFO.replace("seqLength=3", "seqLength=4"), "seqLength is 4, but there is no"),
    ],
)
def test_a_sequence_that_is_described_wrong_is_an_error(mot: Path, info: str, message: str) -> None:
    (mot / "seqinfo.ini").write_text(info)
    text = fails(mot)
    assert f"{mot}/seqinfo.ini" in text
    assert message in text


def test_a_sequence_without_truth_is_one_of_the_test_set(mot: Path) -> None:
    (mot / "gt/gt.txt").unlink()
    assert "take train ones" in fails(mot)


def test_categories_are_matched_by_name_and_not_by_number() -> None:
    categories = [Category(90, "toothbrush"), Category(3, "Traffic-Light"), Category(1, "unicorn")]
    assert match(categories, ["unicorns", "", "traffic light", "toothbrush"]) == {
        90: "toothbrush",
        3: "traffic light",
    }


def test_categories_that_cannot_be_told_apart_or_are_all_unknown_are_refused() -> None:
    with pytest.raises(DatasetError, match="'Cat' and 'cat' are both the label 'cat'"):
        match([Category(1, "Cat"), Category(2, "cat")], ["cat"])
    with pytest.raises(DatasetError, match=r"none of the dataset's categories \(unicorn\); it has cat, dog"):
        match([Category(1, "unicorn")], ["cat", "dog"])
