"""The colours of every figure: signed and sequential scales and the tokens of both themes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

Theme = Literal["light", "dark"]
Scale = list[list[float | str]]

_STOPS = (0.0, 0.125, 0.27, 0.42, 0.497, 0.503, 0.58, 0.73, 0.875, 1.0)
_ALPHAS = (1.0, 0.92, 0.8, 0.55, 0.0)


@dataclass(frozen=True)
class Palette:
    """Colours of one theme as #RRGGBB.

    against, towards: five strengths each, strongest first; the last fades to clear at zero.
    methods: colours that tell methods apart, never blue or orange, which mean sign.
    fade: the grey photo under a map is `fade[0] * grey + fade[1]`.
    """

    ground: str
    text: str
    muted: str
    grid: str
    band: str
    accent: str
    against: tuple[str, ...]
    towards: tuple[str, ...]
    counts: tuple[str, str, str]
    methods: tuple[str, ...]
    fade: tuple[float, float]


PALETTES: dict[Theme, Palette] = {
    "light": Palette(
        ground="#FFFFFF",
        text="#1B2422",
        muted="#66716E",
        grid="#E6EAE9",
        band="#D9DFDD",
        accent="#0F6B60",
        against=("#08366E", "#1F5FA8", "#5B93CF", "#A5C6E6", "#A5C6E6"),
        towards=("#7F2E04", "#C2500F", "#E08547", "#F2BC94", "#F2BC94"),
        counts=("#F3F5F4", "#84B9B0", "#084A42"),
        methods=("#0F6B60", "#7A4FB3", "#B7791F", "#3B4A54", "#A8326E", "#66716E"),
        fade=(0.42, 148.0),
    ),
    "dark": Palette(
        ground="#121615",
        text="#E6ECEA",
        muted="#98A39F",
        grid="#2A3230",
        band="#39433F",
        accent="#6CCBBB",
        against=("#B5D6FF", "#6FB1FF", "#3B80CC", "#25548A", "#25548A"),
        towards=("#FFD0AB", "#FF9A57", "#C4682B", "#7F4318", "#7F4318"),
        counts=("#1C2220", "#247668", "#9AD9CD"),
        methods=("#6CCBBB", "#B99AEB", "#E3B55B", "#C3CDCA", "#E88AB8", "#98A39F"),
        fade=(0.42, 10.0),
    ),
}

# With the colour, so that curves are told apart without it. Dotted is the edge detector everywhere.
DASHES = ("solid", "dash", "dashdot", "longdash", "longdashdot", "8px 2px 2px 2px 2px 2px")


def signed_scale(theme: Theme) -> Scale:
    """The Plotly colour scale from against (0) over clear zero (0.5) to for (1)."""
    palette = PALETTES[theme]
    colours = [_rgba(colour, alpha) for colour, alpha in zip(palette.against, _ALPHAS, strict=True)]
    colours += [_rgba(colour, alpha) for colour, alpha in zip(reversed(palette.towards), reversed(_ALPHAS), strict=True)]
    return [[stop, colour] for stop, colour in zip(_STOPS, colours, strict=True)]


def count_scale(theme: Theme) -> Scale:
    """The Plotly colour scale of counts, from none (0) to most (1); put square roots on it."""
    return [[stop, colour] for stop, colour in zip((0.0, 0.5, 1.0), PALETTES[theme].counts, strict=True)]


def method_colour(theme: Theme, index: int) -> str:
    """The colour of the method at `index` of a comparison, repeating after six."""
    colours: Sequence[str] = PALETTES[theme].methods
    return colours[index % len(colours)]


def rgb(colour: str) -> tuple[int, int, int]:
    """Red, green and blue, 0 to 255, of #RRGGBB."""
    return int(colour[1:3], 16), int(colour[3:5], 16), int(colour[5:7], 16)


def _rgba(colour: str, alpha: float) -> str:
    return f"rgba({','.join(map(str, rgb(colour)))},{alpha:g})"
