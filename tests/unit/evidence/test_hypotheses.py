"""The hypotheses' statistics: intervals that cover, differences whose sign means better, photos that spread."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from tests.benchmarks.hypotheses import METHODS, advantage, all_numbers, chosen_photos, one_random_order, table
from tests.benchmarks.intervals import bootstrap_mean


def numbers(insertion: float, deletion: float) -> dict[str, dict[str, dict[str, float]]]:
    controls = {"smooth random": {"0": 0.1, "1": 0.3, "2": 0.5}, "edge detector": {"0": 0.4}, "pixel random": {"0": 0.1}}
    return {
        name: {**{method: {"value": value} for method in METHODS}, **controls}
        for name, value in (("insertion", insertion), ("deletion", deletion))
    }


def test_intervals_cover_the_mean_about_as_often_as_they_say() -> None:
    draws = np.random.default_rng(0).normal(1.0, 2.0, (200, 50))
    covered = [interval.low <= 1.0 <= interval.high for interval in map(bootstrap_mean, draws)]
    assert 0.88 <= np.mean(covered) <= 0.99


def test_an_interval_on_both_sides_of_zero_shows_nothing() -> None:
    assert bootstrap_mean([-1.0, 1.0, -2.0, 2.0]).verdict == "not shown"
    assert bootstrap_mean([1.0, 1.2, 0.9]).verdict == "above 0"
    assert bootstrap_mean([-1.0, -1.2, -0.9]).verdict == "below 0"


@pytest.mark.parametrize("values", [[], [1.0, float("nan")]])
def test_no_mean_of_nothing_or_of_what_is_not_finite(values: list[float]) -> None:
    with pytest.raises(ValueError, match="finite"):
        bootstrap_mean(values)


def test_positive_is_better_for_both_protocols() -> None:
    good = numbers(insertion=0.7, deletion=0.1)
    assert advantage(good, "insertion", "rise", "smooth random") == pytest.approx(0.4)
    assert advantage(good, "insertion", "rise", "edge detector") == pytest.approx(0.3)
    assert advantage(good, "deletion", "rise", "smooth random") == pytest.approx(0.2)
    assert one_random_order(good, "insertion") == pytest.approx(-0.3)


def test_the_table_is_printed_whichever_way_it_comes_out() -> None:
    for insertion in (0.7, 0.1):
        lines = "\n".join(table([numbers(insertion, 0.2), numbers(insertion, 0.25)]))
        assert ("above 0" if insertion > 0.5 else "below 0") in lines
        assert lines.count("* rise") == 2


def test_photos_spread_evenly_over_the_names(tmp_path: Path) -> None:
    for index in range(20):
        (tmp_path / f"{index:02d}.jpg").touch()
    (tmp_path / "labels.tsv").touch()
    assert [photo.stem for photo in chosen_photos(tmp_path, 3)] == ["00", "10", "19"]
    assert len(chosen_photos(tmp_path, 50)) == 20


def test_an_empty_folder_says_so(tmp_path: Path) -> None:
    with pytest.raises(SystemExit, match="no photo"):
        chosen_photos(tmp_path, 3)


def test_known_numbers_are_not_measured_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []

    def measured(photo: Path) -> dict[str, dict[str, dict[str, float]]]:
        asked.append(photo.name)
        if photo.name == "bad.jpg":
            raise ValueError("no photo")
        return numbers(0.5, 0.5)

    monkeypatch.setattr("tests.benchmarks.hypotheses.measure", measured)
    photos = [tmp_path / name for name in ("a.jpg", "bad.jpg", "b.jpg")]
    for photo in photos:
        photo.write_text(photo.name)
    first, second = (list(all_numbers(photos, tmp_path / "results")) for _ in range(2))
    assert first == second == [numbers(0.5, 0.5)] * 2
    assert asked == ["a.jpg", "bad.jpg", "b.jpg", "bad.jpg"]
