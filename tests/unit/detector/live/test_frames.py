"""How frames of a stream are laid out in a model's image, also those of another size than the first."""

import pytest
from msgspec.structs import replace

from contracts.live.streams import StreamOptions, StreamSpec
from contracts.models.catalogue import bundled
from detector.decode.crop import area
from detector.live.frames import laid_out, shown_as
from detector.view import view

MODEL = bundled("nanodet-g")
SPEC = StreamSpec("a", "someone", "push", 1, 0.0, MODEL.id)


@pytest.mark.parametrize("fit", ["stretch", "pad", "pad_centre"])
@pytest.mark.parametrize("size", [(640, 480), (0, 0), (1080, 1920)])
def test_boxes_are_those_of_the_frame_at_hand(fit: str, size: tuple[int, int]) -> None:
    model = replace(MODEL, fit=fit)
    shown = shown_as(SPEC, model, 7, *size, 0)
    assert laid_out(shown.look.view, area(None, 320, 200)) == view(model, (320, 200))
    assert shown.image_shape == (416, 416, 3)
    assert shown.image_bytes == 416 * 416 * 3


def test_a_model_for_any_size_gets_images_of_the_displayed_region() -> None:
    model = replace(MODEL, input_size=None)
    options = StreamOptions(region=(0.0, 0.0, 0.5, 1.0), max_fps=10)
    shown = shown_as(replace(SPEC, options=options), model, 7, 640, 480, 90)
    assert shown.image_shape == (640, 240, 3)
    assert shown.look.interval == 9000
