"""Elements of a picture in SVG."""

from collections.abc import Iterable
from typing import NamedTuple
from xml.etree import ElementTree
from xml.etree.ElementTree import Element, SubElement

INK, FAINT, GRID, PAPER, BACKGROUND = "#24292f", "#6a737d", "#e5e7ea", "#ffffff", "#f3f4f6"
# Of letters of the size 11, on average: a picture cannot measure its text.
_LETTER = 6.4


class Box(NamedTuple):
    """In pixels."""

    left: float
    top: float
    width: float
    height: float

    @property
    def right(self) -> float:
        return self.left + self.width

    @property
    def bottom(self) -> float:
        return self.top + self.height

    def inside(self, left: float, top: float, right: float, bottom: float) -> "Box":
        """What is left without these margins."""
        return Box(self.left + left, self.top + top, self.width - left - right, self.height - top - bottom)


def picture(width: float, height: float, title: str) -> Element:
    """An empty one. title: what those hear who do not see it."""
    root = Element(
        "svg",
        xmlns="http://www.w3.org/2000/svg",
        viewBox=f"0 0 {number(width)} {number(height)}",
        width=number(width),
        height=number(height),
        role="img",
    )
    root.set("font-family", "system-ui, 'Segoe UI', 'Liberation Sans', Arial, sans-serif")
    root.set("font-size", "11")
    SubElement(root, "title").text = title
    rect(root, Box(0, 0, width, height), BACKGROUND)
    return root


def group(parent: Element, kind: str, name: str) -> Element:
    """A part, with a class and a label."""
    return SubElement(parent, "g", {"class": kind, "aria-label": name})


def rect(parent: Element, box: Box, fill: str, **more: str) -> Element:
    """A filled rectangle. more, here and below: attributes, with _ for -, and class_ for class."""
    place = {"x": box.left, "y": box.top, "width": box.width, "height": box.height}
    drawn = {name: number(value) for name, value in place.items()}
    return SubElement(parent, "rect", {**drawn, "fill": fill, **_named(more)})


def text(parent: Element, left: float, top: float, shown: str, fill: str = INK, **more: str) -> Element:
    """A text on the line `top`."""
    made = SubElement(parent, "text", {"x": number(left), "y": number(top), "fill": fill, **_named(more)})
    made.text = shown
    return made


def continued(before: Element, shown: str, fill: str) -> None:
    """More of a text, behind it however wide it is, in another colour."""
    SubElement(before, "tspan", {"dx": "5", "fill": fill}).text = shown


def path(parent: Element, points: Iterable[tuple[float, float]], colour: str, **more: str) -> Element:
    """A line through points."""
    drawn = "L".join(f"{number(x)} {number(y)}" for x, y in points)
    return SubElement(parent, "path", {"d": f"M{drawn}", "stroke": colour, "fill": "none", **_named(more)})


def _named(more: dict[str, str]) -> dict[str, str]:
    return {name.rstrip("_").replace("_", "-"): value for name, value in more.items()}


def number(value: float) -> str:
    """To a tenth of a pixel."""
    return f"{value:.1f}".removesuffix(".0")


def width_of(shown: str, size: float = 11) -> float:
    """About how wide a text is."""
    return len(shown) * _LETTER * size / 11


def shortened(shown: str, room: float, size: float = 11) -> str:
    """The text, or its beginning where it needs more room."""
    if width_of(shown, size) <= room:
        return shown
    return shown[: max(int(room / (_LETTER * size / 11)) - 1, 1)].rstrip() + "…"


def written(root: Element) -> str:
    """The content of a file."""
    ElementTree.indent(root, "")
    return ElementTree.tostring(root, encoding="unicode") + "\n"
