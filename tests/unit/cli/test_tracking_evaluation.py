"""HOTA and IDF1 of `web-detector eval --tracks`: which boxes count, and the pictures of a sequence as one video."""

from pathlib import Path

import av
import numpy as np
import pytest
from PIL import Image as Picture

from cli.evaluation import motion_jpeg
from cli.evaluation.dataset import Box, Category, Dataset, DatasetError, Image, Source, Truth
from cli.evaluation.gather import Found
from cli.evaluation.reader import read
from cli.evaluation.tracking import measure
from tests.unit.cli.test_datasets import INFO, sequence

FRAMES = 10


def box(frame: int, lane: int = 0) -> Box:
    return 10.0 + 3 * frame, 100.0 * lane, 40.0, 80.0


def dataset(truths: list[Truth], sequences: int = 1) -> Dataset:
    sources = []
    for number in range(sequences):
        images = tuple(Image(1 + number * FRAMES + frame, f"S/{frame + 1}", 640, 480) for frame in range(FRAMES))
        sources.append(Source(Path(f"{number}.avi"), images, FRAMES))
    return Dataset("MOT", (Category(1, "person"),), tuple(sources), tuple(truths))


def truth(frame: int, track: int, lane: int = 0, crowd: bool = False) -> Truth:
    return Truth(1 + frame, 1, box(frame % FRAMES, lane), 3200.0, crowd, track)


def found(frame: int, track: int, lane: int = 0) -> Found:
    return Found(1 + frame, 1, box(frame % FRAMES, lane), 0.9, track)


def test_tracks_that_are_the_objects_score_one() -> None:
    whole = dataset([truth(frame, lane + 1, lane) for frame in range(FRAMES) for lane in range(3)])
    tracks = [found(frame, 7 - lane, lane) for frame in range(FRAMES) for lane in range(3)]
    scores = measure(whole, tracks)
    assert (scores.hota, scores.deta, scores.assa, scores.idf1) == pytest.approx((1, 1, 1, 1))


def test_a_track_that_breaks_in_the_middle_is_half_an_object() -> None:
    scores = measure(
        dataset([truth(frame, 1) for frame in range(FRAMES)]), [found(frame, 1 + frame // 5) for frame in range(FRAMES)]
    )
    assert (scores.deta, scores.assa, scores.idf1) == pytest.approx((1, 0.5, 0.5))
    assert scores.hota == pytest.approx(0.5**0.5)


def test_detections_without_a_track_are_not_found() -> None:
    scores = measure(
        dataset([truth(frame, 1) for frame in range(FRAMES)]),
        [found(frame, 1 if frame < 5 else 0) for frame in range(FRAMES)],
    )
    assert scores.deta == pytest.approx(0.5)


def test_the_same_ids_in_two_sequences_are_other_objects() -> None:
    frames = range(2 * FRAMES)
    whole = dataset([truth(frame, 1) for frame in frames], sequences=2)
    scores = measure(whole, [found(frame, 1) for frame in frames])
    assert (scores.hota, scores.assa, scores.idf1) == pytest.approx((1, 1, 1))
    lost = measure(whole, [found(frame, 1) for frame in frames if frame < FRAMES])
    assert (lost.deta, lost.assa, lost.idf1) == pytest.approx((0.5, 1, 2 / 3))


def test_what_is_on_ignored_objects_counts_neither_way() -> None:
    truths = [truth(frame, lane + 1, lane, crowd=lane == 1) for frame in range(FRAMES) for lane in range(2)]
    tracks = [found(frame, lane + 1, lane) for frame in range(FRAMES) for lane in range(2)]
    assert measure(dataset(truths), tracks).hota == pytest.approx(1)
    beside = [found(frame, 3, 2) for frame in range(FRAMES)]
    assert measure(dataset(truths), tracks + beside).deta == pytest.approx(0.5)


def test_nothing_at_all_scores_nothing() -> None:
    assert measure(dataset([]), []).hota == 0
    assert measure(dataset([truth(0, 1)]), []).idf1 == 0


def test_an_id_that_is_twice_in_a_frame_is_named() -> None:
    with pytest.raises(DatasetError, match="S/1: the ground truth has two boxes with the same id"):
        measure(dataset([truth(0, 1), truth(0, 1, 1)]), [])


def pictures(folder: Path, count: int) -> list[Path]:
    folder.mkdir(parents=True, exist_ok=True)
    paths = [folder / f"{number + 1:06d}.jpg" for number in range(count)]
    for number, path in enumerate(paths):
        Picture.fromarray(np.full((80, 100, 3), 40 * number, np.uint8)).save(path, quality=90 - 7 * number)
    return paths


def test_pictures_become_a_video_whose_frames_they_are(tmp_path: Path) -> None:
    paths = pictures(tmp_path, 5)
    motion_jpeg.write(tmp_path / "all.avi", paths, 12.5, 100, 80)
    with av.open(str(tmp_path / "all.avi")) as container:
        stream = container.streams.video[0]
        assert (stream.width, stream.height, stream.frames, float(stream.average_rate or 0)) == (100, 80, 5, 12.5)
        packets = [bytes(packet) for packet in container.demux(stream) if packet.size]
    assert packets == [path.read_bytes() for path in paths]
    with av.open(str(tmp_path / "all.avi")) as container:
        shades = [round(float(frame.to_ndarray(format="gray").mean())) for frame in container.decode(video=0)]
    assert shades == pytest.approx([0, 40, 80, 120, 160], abs=2)


def test_a_sequence_of_pictures_is_one_source_with_its_ids(tmp_path: Path) -> None:
    rows = "1,7,11,21,30,40,1,1,0.9\n3,8,11,21,30,40,1,1,0.9\n2,9,11,21,30,40,1,7,0.9\n"
    folders = [sequence(tmp_path / name, rows, INFO.replace("S-01", name)) for name in ("S-01", "S-02")]
    for folder in folders:
        pictures(folder / "img1", 3)
    joined = tmp_path / "joined"
    joined.mkdir()
    whole = read(tmp_path, joined=joined)
    assert [(source.path.parent, len(source.images), source.frames) for source in whole.sources] == [(joined, 3, 3)] * 2
    assert len({source.path for source in whole.sources}) == 2
    assert [(item.image_id, item.track, item.crowd) for item in whole.truths] == [
        (1, 7, False),
        (3, 8, False),
        (2, 9, True),
        (4, 7, False),
        (6, 8, False),
        (5, 9, True),
    ]


def test_what_cannot_be_joined_is_named(tmp_path: Path) -> None:
    folder = sequence(tmp_path / "S-01", "1,7,11,21,30,40,1,1,0.9\n")
    with pytest.raises(DatasetError, match=r"000001\.jpg is no JPEG: tracks are measured over JPEGs, or over a video"):
        read(folder, joined=tmp_path)
    (folder / "seqinfo.ini").write_text(INFO.replace("frameRate=30", "frameRate=0"))
    with pytest.raises(DatasetError, match=r"frameRate is 0\.0, and must be from 0\.1 to 1000"):
        read(folder, joined=tmp_path)
    (tmp_path / "annotations").mkdir()
    (tmp_path / "annotations/instances_x.json").write_text("{}")
    with pytest.raises(DatasetError, match=r"is COCO's, which has single images: --tracks takes MOTChallenge"):
        read(tmp_path, joined=tmp_path)


def test_pictures_that_are_too_many_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(motion_jpeg, "_MOST_BYTES", 2000)
    with pytest.raises(DatasetError, match="more than 1 GiB: make a video of them"):
        motion_jpeg.write(tmp_path / "all.avi", pictures(tmp_path, 5), 25, 100, 80)
