"""Arrays that decoding, engines and heads exchange."""

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

# uint8 (H, W, 3), in the colour order of the model (Model.channels).
Image = NDArray[np.uint8]
# One image's outputs by the roles that the head reads: float32, without a batch dimension.
Outputs = dict[str, NDArray[np.float32]]
# The one role that holds no numbers: (N,) of bytes, each object's mask as detector.masks_rle encodes it.
MASKS = "masks"
# Shape of each output for one image, by role or by the graph's name; None stands for any length.
Shapes = Mapping[str, tuple[int | None, ...]]
