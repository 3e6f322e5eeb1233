"""The figure of a label's scores: intervals, the band of controls, and which dots are filled."""

from __future__ import annotations

from components.figures.label_test import ScoreRow, label_scores, scores_height
from components.palette import PALETTES

ROWS = (
    ScoreRow("F1", 0.8, 0.7, 0.9, (0.1, 0.3)),
    ScoreRow("precision", 0.6, 0.2, 0.7, (0.1, 0.3)),
    ScoreRow("<b>recall", 0.5, 0.4, 0.6),
)


def test_dots_stand_at_their_values_with_their_intervals() -> None:
    (dots,) = label_scores(ROWS, "light")["data"]
    assert dots["x"] == [0.8, 0.6, 0.5]
    assert [round(value, 9) for value in dots["error_x"]["array"]] == [0.1, 0.1, 0.1]
    assert [round(value, 9) for value in dots["error_x"]["arrayminus"]] == [0.1, 0.4, 0.1]


def test_only_what_beats_all_controls_is_filled() -> None:
    palette = PALETTES["dark"]
    (dots,) = label_scores(ROWS, "dark")["data"]
    assert dots["marker"]["color"] == [palette.accent, palette.ground, palette.ground]


def test_bands_are_those_of_rows_with_controls() -> None:
    shapes = label_scores(ROWS, "light")["layout"]["shapes"]
    assert [(shape["x0"], shape["x1"]) for shape in shapes] == [(0.1, 0.3), (0.1, 0.3)]
    single = label_scores([ScoreRow("F1", 0.8, 0.7, 0.9, (0.0, 0.0))], "light")["layout"]["shapes"][0]
    assert single["x1"] > single["x0"]  # a band of no width can still be seen


def test_names_stay_text_and_heights_follow_the_rows() -> None:
    figure = label_scores(ROWS, "light")
    assert figure["layout"]["yaxis"]["ticktext"][2] == "&lt;b&gt;recall"
    assert scores_height(3) > scores_height(1)
