"""The colours of labels in annotated copies: those of the page, which has the same list in web/src/lib/palette.ts."""

# People with any kind of colour vision can tell them apart (Okabe and Ito, "Color Universal Design", 2008).
PALETTE = ("#E69F00", "#56B4E9", "#009E73", "#F0E442", "#0072B2", "#D55E00", "#CC79A7", "#999999")

Rgb = tuple[int, int, int]  # 0 to 255
Yuv = tuple[int, int, int]  # limited range: 16 to 235, and 16 to 240 around 128

# What of red and of blue makes up the brightness, by the matrix's name (ITU-R BT.601, BT.709 and BT.2020).
_WEIGHTS = {"601": (0.299, 0.114), "709": (0.2126, 0.0722), "2020": (0.2627, 0.0593)}


def colour_of(place: int) -> Rgb:
    """The colour of a label, by its place in the order in which a job's labels appear: so the first eight differ."""
    text = PALETTE[place % len(PALETTE)]
    return int(text[1:3], 16), int(text[3:5], 16), int(text[5:7], 16)


def to_yuv(colour: Rgb, matrix: str) -> Yuv:
    """The colour as brightness and two differences, by the matrix "601", "709" or "2020"."""
    red, green, blue = (part / 255 for part in colour)
    of_red, of_blue = _WEIGHTS[matrix]
    bright = of_red * red + (1 - of_red - of_blue) * green + of_blue * blue
    u, v = (blue - bright) / (2 * (1 - of_blue)), (red - bright) / (2 * (1 - of_red))
    return round(16 + 219 * bright), round(128 + 224 * u), round(128 + 224 * v)
