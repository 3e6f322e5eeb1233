"""The colours: zero is clear, strength reads without hue, and both themes hold."""

from __future__ import annotations

import numpy as np
import pytest

from components.palette import DASHES, PALETTES, Theme, count_scale, method_colour, rgb, signed_scale

THEMES: tuple[Theme, ...] = ("light", "dark")


def _luminance(colour: str) -> float:
    """Relative luminance by WCAG 2.1."""
    shares = np.array(rgb(colour)) / 255
    linear = np.where(shares <= 0.03928, shares / 12.92, ((shares + 0.055) / 1.055) ** 2.4)
    return float(linear @ (0.2126, 0.7152, 0.0722))


def _contrast(one: str, other: str) -> float:
    high, low = sorted((_luminance(one), _luminance(other)), reverse=True)
    return (high + 0.05) / (low + 0.05)


@pytest.mark.parametrize("theme", THEMES)
def test_the_signed_scale_runs_from_blue_over_clear_to_orange(theme: Theme) -> None:
    scale = signed_scale(theme)
    stops = [stop for stop, _ in scale]
    assert stops == sorted(stops)
    assert (stops[0], stops[-1]) == (0.0, 1.0)
    alphas = [float(str(colour).rstrip(")").split(",")[-1]) for _, colour in scale]
    assert alphas == alphas[::-1]
    assert alphas[4] == alphas[5] == 0.0
    assert alphas[0] == 1.0


@pytest.mark.parametrize("theme", THEMES)
def test_stronger_values_stand_further_from_the_ground(theme: Theme) -> None:
    palette = PALETTES[theme]
    for colours in (palette.against[:4], palette.towards[:4]):
        contrasts = [_contrast(colour, palette.ground) for colour in colours]
        assert contrasts == sorted(contrasts, reverse=True)


@pytest.mark.parametrize("theme", THEMES)
def test_both_poles_are_equally_far_from_the_ground(theme: Theme) -> None:
    palette = PALETTES[theme]
    for against, towards in zip(palette.against, palette.towards, strict=True):
        assert _luminance(against) == pytest.approx(_luminance(towards), abs=0.12)


@pytest.mark.parametrize("theme", THEMES)
def test_text_and_accent_can_be_read(theme: Theme) -> None:
    palette = PALETTES[theme]
    assert _contrast(palette.text, palette.ground) >= 7
    assert _contrast(palette.muted, palette.ground) >= 4.5
    assert _contrast(palette.accent, palette.ground) >= 4.5


@pytest.mark.parametrize("theme", THEMES)
def test_methods_never_wear_the_colours_of_sign(theme: Theme) -> None:
    palette = PALETTES[theme]
    assert not set(palette.methods) & {*palette.against, *palette.towards}
    assert method_colour(theme, 6) == method_colour(theme, 0)
    assert len(set(DASHES)) == len(palette.methods)
    assert "dot" not in DASHES


def test_counts_start_at_the_ground_of_cards() -> None:
    assert count_scale("light")[0] == [0.0, "#F3F5F4"]
    assert len(count_scale("dark")) == 3
