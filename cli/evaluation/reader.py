"""Read a dataset folder: detect its format, and limit the number of images."""

from dataclasses import replace
from pathlib import Path

from cli.evaluation import coco, mot
from cli.evaluation.dataset import Dataset, DatasetError, Source


def read(
    folder: Path, annotations: Path | None = None, limit: int | None = None, joined: Path | None = None
) -> Dataset:
    """The dataset in a folder: COCO where there is an annotations file, else MOTChallenge.

    annotations: the COCO file, where it is not the one annotations/instances_*.json. limit: so many
    images, the first ones. joined: see `mot.read`, where tracks are wanted. Raises DatasetError.
    """
    if not folder.is_dir():
        raise DatasetError(f"there is no folder {folder}")
    found = sorted(folder.glob("annotations/instances_*.json")) if annotations is None else [annotations]
    if len(found) > 1:
        names = ", ".join(path.name for path in found)
        raise DatasetError(f"{folder}/annotations has {names}: name one of them with --annotations")
    if found and joined is not None:
        raise DatasetError(f"{found[0]} is COCO's, which has single images: --tracks takes MOTChallenge sequences")
    if found:
        dataset = coco.read(folder, found[0])
    elif sequences := mot.sequences(folder):
        dataset = mot.read(sequences, joined)
    else:
        raise DatasetError(
            f"{folder} is no dataset: there is neither annotations/instances_*.json (COCO; --annotations names "
            "another file) nor a seqinfo.ini in it or in its folders (MOTChallenge)"
        )
    dataset = dataset if limit is None else first(dataset, limit)
    if not dataset.sources:
        raise DatasetError(f"{folder} has no images")
    return dataset


def first(dataset: Dataset, limit: int) -> Dataset:
    """Only the first images. A video is sent whole all the same."""
    sources: list[Source] = []
    left = limit
    for source in dataset.sources:
        if left <= 0:
            break
        sources.append(replace(source, images=source.images[:left]))
        left -= len(source.images)
    kept = {image.id for source in sources for image in source.images}
    truths = tuple(truth for truth in dataset.truths if truth.image_id in kept)
    return replace(dataset, sources=tuple(sources), truths=truths)
