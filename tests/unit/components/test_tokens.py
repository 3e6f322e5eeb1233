"""Heat text: hostile tokens stay text, zero is clear, everything can be read in both themes."""

from __future__ import annotations

import math
import re
from html.parser import HTMLParser

import numpy as np
import pytest

from components.palette import PALETTES, Theme
from components.tokens import READABLE, HeatRow, contrast, heat_text, legend, shade, shared_end

THEMES: tuple[Theme, ...] = ("light", "dark")
HOSTILE = (
    "<script>alert(1)</script>", "</span></div><img src=x onerror=alert(1)>", "\" onmouseover=\"alert(1)", "' style='x",
    "&lt;b&gt;", "\x00", "\u202eevil\u202c", "\u2066\u200f", "\ud800", "", "\u0301", "a" + "\u0301" * 500, "x" * 10_000, "\n",
    "`*_[x](y)",
)  # fmt: skip


class _Reader(HTMLParser):
    """What a browser would make of the HTML: tags, attributes and text."""

    def __init__(self, text: str) -> None:
        super().__init__(convert_charrefs=True)
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.open: list[str] = []
        self.text = ""
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag != "wbr":
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text += data


def _read(*tokens: str, values: list[float] | None = None, **more: object) -> _Reader:
    row = HeatRow(tokens, values or [1.0] * len(tokens), **more)  # type: ignore[arg-type]
    return _Reader(heat_text([row], limit=1.0, theme="light"))


@pytest.mark.parametrize("token", HOSTILE)
def test_a_hostile_token_is_text_and_nothing_else(token: str) -> None:
    page = _read(token, lead=token, source=token)
    assert {tag for tag, _ in page.tags} <= {"div", "bdi", "span", "wbr"}
    assert {name for _, attributes in page.tags for name in attributes} <= {"role", "style", "title", "dir"}
    assert not page.open


@pytest.mark.parametrize("token", HOSTILE)
def test_a_token_cannot_write_its_own_style(token: str) -> None:
    styles = {attributes.get("style") for _, attributes in _read(token).tags}
    assert not any(style == "x" or "alert" in (style or "") for style in styles)


def test_nothing_that_turns_or_hides_text_reaches_the_page() -> None:
    text = heat_text([HeatRow(HOSTILE, [0.5] * len(HOSTILE), "\u202e1", "\u2067x")], limit=1.0, theme="dark")
    assert all(character.isprintable() for character in text)
    text.encode()  # half a surrogate pair could not be sent
    assert len(text) < 12_000


def test_the_text_itself_survives() -> None:
    page = _read("<b>", " &", "amp;")
    assert "<b>·&amp;" in page.text


def test_white_space_can_be_seen() -> None:
    assert "·Monday" in _read(" Monday").text
    assert "↵" in _read("\n").text
    assert "⇥" in _read("\t").text


def test_an_emoji_of_several_characters_stays_one() -> None:
    assert "👩\u200d💻" in _read("👩\u200d💻").text


def test_lines_break_before_words_and_not_inside() -> None:
    assert heat_text([HeatRow([" Mon", "day"], [0, 0])], limit=1, theme="light").count("<wbr>") == 1


def test_each_token_tells_its_value() -> None:
    tags = _read("a-b", "c", "d", values=[-0.25, math.nan, 7.125]).tags
    titles = [attributes["title"] for _, attributes in tags if "title" in attributes]
    assert titles == ["a-b  −0.25", "c  not measured", "d  +7.12"]


def test_the_unit_is_named_once_there_is_a_value() -> None:
    text = heat_text([HeatRow(["a", "b"], [1.0, math.nan])], limit=1, theme="light", unit="logit")
    assert text.count("logit") == 1


def test_right_to_left_text_stays_in_its_own_cell() -> None:
    assert any(tag == "bdi" and attributes.get("dir") == "auto" for tag, attributes in _read("שלום", source="ar").tags)


@pytest.mark.parametrize("theme", THEMES)
def test_zero_is_clear_and_the_ends_are_not(theme: Theme) -> None:
    assert shade(0.0, 1.0, theme) is None
    assert shade(math.nan, 1.0, theme) is None
    assert shade(1.0, 0.0, theme) is None
    against, towards = shade(-1.0, 1.0, theme), shade(1.0, 1.0, theme)
    assert against is not None
    assert towards is not None
    assert against[0] == PALETTES[theme].against[0]
    assert towards[0] == PALETTES[theme].towards[0]


@pytest.mark.parametrize("theme", THEMES)
def test_beyond_the_limit_is_as_strong_as_the_limit(theme: Theme) -> None:
    assert shade(9.0, 1.0, theme) == shade(1.0, 1.0, theme)
    assert shade(math.inf, 1.0, theme) is None


@pytest.mark.parametrize("theme", THEMES)
def test_every_shade_can_be_read(theme: Theme) -> None:
    for value in np.linspace(-1, 1, 401):
        colours = shade(float(value), 1.0, theme)
        if colours is not None:
            assert contrast(*colours) >= READABLE, (value, colours)


@pytest.mark.parametrize("theme", THEMES)
def test_stronger_is_further_from_the_ground(theme: Theme) -> None:
    for sign in (-1, 1):
        found = [shade(sign * value, 1.0, theme) for value in np.linspace(0.05, 1, 40)]
        ratios = [contrast(colours[0], PALETTES[theme].ground) for colours in found if colours is not None]
        assert len(ratios) == 40
        assert ratios == sorted(ratios)


def test_one_scale_for_all_rows() -> None:
    rows = [HeatRow(["a"], [0.5]), HeatRow(["b", "c"], [math.nan, -2.0])]
    assert shared_end(rows) == 2.0
    assert shared_end([]) == shared_end([HeatRow([], [])]) == 0.0
    assert shared_end([HeatRow(["a"], [math.inf])]) == 0.0


def test_the_peak_is_underlined_and_no_other() -> None:
    styles = [attributes["style"] for _, attributes in _read("a", "b", peak=1).tags if "title" in attributes]
    assert ["underline" in (style or "") for style in styles] == [False, True]


@pytest.mark.parametrize("limit", [-1.0, math.nan, math.inf])
def test_a_scale_needs_an_end(limit: float) -> None:
    with pytest.raises(ValueError, match=re.escape(str(limit))):
        heat_text([HeatRow(["a"], [1.0])], limit=limit, theme="light")


def test_values_and_tokens_are_counted() -> None:
    with pytest.raises(ValueError, match="2 tokens and values of shape \\(1,\\)"):
        heat_text([HeatRow(["a", "b"], [1.0])], limit=1.0, theme="light")


def test_the_legend_says_what_the_colours_mean() -> None:
    assert legend() == ":blue[■] below zero :orange[■] above zero · zero is clear"
