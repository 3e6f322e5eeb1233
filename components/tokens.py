"""Heat text: rows of tokens shaded by a signed value each, as one block of HTML in which every text is escaped."""

from __future__ import annotations

import html
import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import streamlit as st

from components.palette import PALETTES, Theme, rgb, signed_scale
from components.theme import current_theme
from components.token_text import visible

READABLE = 4.5  # contrast of text on its ground, by WCAG 2.1
LEGEND = ":blue[■] {below} :orange[■] {above} · zero is clear"


@dataclass(frozen=True)
class HeatRow:
    """One line: the tokens' own texts with a value each (NaN: not measured), what stands before them and behind.

    lead: a short number before the tokens. source: where the text is from, behind them.
    peak: the place of the token to underline, None for none.
    """

    tokens: Sequence[str]
    values: Sequence[float] | np.ndarray
    lead: str = ""
    source: str = ""
    peak: int | None = None


def show_heat_text(rows: Sequence[HeatRow], *, limit: float | None = None, unit: str = "") -> None:
    """Draw the rows as one block in the theme of the browser; without `limit`, on the scale that their largest value needs.

    limit, unit: as in `heat_text`. Nothing is drawn where there are no rows.
    """
    if rows:
        end = shared_end(rows) if limit is None else limit
        st.html(heat_text(rows, limit=end, theme=current_theme(), unit=unit))


def heat_text(rows: Sequence[HeatRow], *, limit: float, theme: Theme, unit: str = "") -> str:
    """HTML of the rows: a token of value `limit` is as orange as can be, one of −`limit` as blue, one of 0 clear.

    limit: the end of the scale, in the values' unit; where it is 0, nothing is shaded. unit: named behind each value that the
    pointer rests on. Every token, lead, source and unit is escaped. Raises ValueError where a row has another number of
    values than of tokens, and for a limit below 0 or not finite.
    """
    if not math.isfinite(limit) or limit < 0:
        raise ValueError(f"the end of the scale is {limit}; it must be a finite number of at least 0")
    lines = "".join(_line(row, limit, theme, unit, last=place == len(rows) - 1) for place, row in enumerate(rows))
    return f'<div role="list" style="width:100%;font-size:1rem">{lines}</div>'


def shared_end(rows: Sequence[HeatRow]) -> float:
    """The largest size of any value of the rows, 0 where none is measured: the scale's end that lets rows be compared."""
    sizes = [float(np.abs(values[np.isfinite(values)]).max(initial=0.0)) for values in map(_values, rows)]
    return max(sizes, default=0.0)


def legend(below: str = "below zero", above: str = "above zero") -> str:
    """The colours in words, as Markdown."""
    return LEGEND.format(below=below, above=above)


def shade(value: float, limit: float, theme: Theme) -> tuple[str, str] | None:
    """Background and text colour, #RRGGBB, of a value on the signed scale; None where it is clear."""
    if not math.isfinite(value) or limit <= 0:
        return None
    place = (max(-1.0, min(1.0, value / limit)) + 1) / 2
    ground = np.array(rgb(PALETTES[theme].ground), dtype=np.float64)
    colour, alpha = _on_scale(place, theme)
    if alpha < 0.02:
        return None
    mixed = np.rint(alpha * colour + (1 - alpha) * ground).astype(int)
    background = "#" + "".join(f"{part:02X}" for part in mixed)
    return background, _readable(background, theme)


def _on_scale(place: float, theme: Theme) -> tuple[np.ndarray, float]:
    """Colour, (3,) from 0 to 255, and opacity of the signed scale at a place from 0 to 1."""
    scale = signed_scale(theme)
    stops = [float(stop) for stop, _ in scale]
    parts = np.array([[float(part) for part in str(colour)[5:-1].split(",")] for _, colour in scale])  # (stops, 4)
    found = [float(np.interp(place, stops, parts[:, column])) for column in range(4)]
    return np.array(found[:3]), found[3]


def _readable(background: str, theme: Theme) -> str:
    palette = PALETTES[theme]
    if contrast(palette.text, background) >= READABLE:
        return palette.text
    return max(("#000000", "#FFFFFF"), key=lambda text: contrast(text, background))


def contrast(one: str, other: str) -> float:
    """The contrast ratio of two colours #RRGGBB by WCAG 2.1, from 1 to 21."""
    high, low = sorted((_luminance(one), _luminance(other)), reverse=True)
    return (high + 0.05) / (low + 0.05)


def _luminance(colour: str) -> float:
    shares = np.array(rgb(colour)) / 255
    linear = np.where(shares <= 0.03928, shares / 12.92, ((shares + 0.055) / 1.055) ** 2.4)
    return float(linear @ (0.2126, 0.7152, 0.0722))


def _values(row: HeatRow) -> np.ndarray:
    return np.asarray(row.values, dtype=np.float64)


def _line(row: HeatRow, limit: float, theme: Theme, unit: str, *, last: bool) -> str:
    palette, values = PALETTES[theme], _values(row)
    if values.shape != (len(row.tokens),):
        raise ValueError(f"a row has {len(row.tokens)} tokens and values of shape {values.shape}")
    spans = "".join(
        _token(token, float(value), limit, theme, unit, place == row.peak)
        for place, (token, value) in enumerate(zip(row.tokens, values, strict=True))
    )
    rule = "" if last else f"border-bottom:1px solid {palette.grid};"
    lead = f'<div style="flex:0 0 3.2rem;text-align:right;font-weight:600">{_safe(row.lead)}</div>' if row.lead else ""
    source = (
        f'<div style="flex:0 0 auto;max-width:24%;color:{palette.muted};font-size:0.86rem;text-align:right;'
        f'overflow-wrap:anywhere"><bdi>{_safe(row.source)}</bdi></div>'
        if row.source
        else ""
    )
    text = f'<div style="flex:1 1 0;min-width:0;overflow-wrap:anywhere;line-height:1.65"><bdi dir="auto">{spans}</bdi></div>'
    style = f"display:flex;gap:0.9rem;align-items:baseline;padding:0.4rem 0;{rule}color:{palette.text}"
    return f'<div role="listitem" style="{style}">{lead}{text}{source}</div>'


def _token(token: str, value: float, limit: float, theme: Theme, unit: str, peak: bool) -> str:
    text = visible(token)
    title = f"{html.escape(text)}  {_safe(_number(value, unit))}"
    colours = shade(value, limit, theme)
    style = f"background:{colours[0]};color:{colours[1]};border-radius:3px;" if colours else ""
    if peak:
        style += "text-decoration:underline;text-decoration-thickness:2px;text-underline-offset:3px;"
    # A shown space is a letter to the browser: lines may break before it, and after a shown line break.
    before = "<wbr>" if text.startswith("·") else ""
    after = "<wbr>" if text.endswith("↵") else ""
    return f'{before}<span title="{title}" style="{style}padding:2px 0">{_faint(text)}</span>{after}'


def _number(value: float, unit: str) -> str:
    if not math.isfinite(value):
        return "not measured"
    return f"{value:+.3g}".replace("-", "−") + (f" {unit}" if unit else "")


def _faint(text: str) -> str:
    """The token escaped, shown white space paler than its letters."""
    return "".join(f'<span style="opacity:0.4">{part}</span>' if part in "·↵" else html.escape(part) for part in text)


def _safe(text: str) -> str:
    """Escaped for text and attributes alike; characters that cannot be seen give way to spaces."""
    return html.escape("".join(character if character.isprintable() else " " for character in text), quote=True)
