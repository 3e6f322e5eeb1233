"""Insertion and deletion: the region a model looks at beats random orders, everything else fails."""

from __future__ import annotations

import numpy as np
import pytest

import backend
from backend.engine.stepping import Engine
from backend.evidence.finding import Finding
from backend.headless import RunError
from backend.methods.question import Contrast, Question, Runs
from tests.unit.evidence.conftest import Ask
from tests.unit.evidence.planted import photo


def check(result: object, **params: int) -> Finding:
    return backend.check("insertion_deletion", result, **params)


def test_the_region_the_model_looks_at_beats_every_random_order(planted_map: Ask) -> None:
    insertion, deletion = check(planted_map("test_right")).measures
    assert (insertion.name, insertion.better, insertion.verdict) == ("insertion", "more", "beats the control")
    assert (deletion.name, deletion.better, deletion.verdict) == ("deletion", "less", "beats the control")


def test_the_inverted_map_fails(planted_map: Ask) -> None:
    assert [measure.verdict for measure in check(planted_map("test_wrong")).measures] == ["fails the control"] * 2


def test_a_map_measured_against_itself_is_not_better(planted_map: Ask) -> None:
    edges = check(planted_map("test_blind"))
    for measure in edges.measures:
        assert measure.value == pytest.approx(measure.controls["edge detector"][0], abs=1e-6)


def test_the_area_follows_from_the_share_of_the_region_that_is_shown(planted_map: Ask) -> None:
    finding = check(planted_map("test_right"), steps=8)
    share, curve = finding.curves["share"], finding.curves["insertion"]
    assert share[[0, -1]].tolist() == [0, 1]
    assert curve[0] < 0.01
    assert (curve[share > 0.3] > 0.95).all(), "the region is 21 % of the photo; smoothing blurs its rim"
    assert finding.value == pytest.approx(np.trapezoid(curve, share), abs=1e-6)


def test_curves_of_controls_lie_beside_the_maps_own(planted_map: Ask) -> None:
    finding = check(planted_map("test_right"), steps=6, orders=5)
    for name in ("insertion", "deletion"):
        assert finding.curves[name].shape == finding.curves[f"{name}/edge detector"].shape == (7,)
        assert finding.curves[f"{name}/smooth random"].shape == (5, 7)
    assert set(finding.controls) == {"smooth random", "edge detector", "pixel random"}
    assert len(finding.controls["smooth random"]) == 5


def test_maps_of_one_photo_share_the_controls(planted_map: Ask, engine: Engine) -> None:
    first, second = check(planted_map("test_right")), check(planted_map("test_wrong"))
    assert first.passes.forward == second.passes.forward == 18 + 183
    assert first.controls == second.controls
    assert sum(key[0] == "order_curves" for key in engine.workshop.sweeps._runs) == 1


def test_another_class_is_read_from_the_same_controls(planted_map: Ask, engine: Engine) -> None:
    one, other = check(planted_map("test_right")), check(planted_map("test_right", target=1))
    both = check(planted_map("test_right", target=Contrast(0, 1)))
    assert np.allclose(one.curves["insertion/smooth random"], 1 - other.curves["insertion/smooth random"], atol=1e-6)
    assert both.value == pytest.approx(one.value - other.value, abs=1e-5)
    assert sum(key[0] == "order_curves" for key in engine.workshop.sweeps._runs) == 1


def test_partial_findings_have_no_controls_until_every_random_order_is_known(planted_map: Ask) -> None:
    run = backend.ask("test_right", model="test-region", sample=photo(), target=0)
    question = backend.ask("insertion_deletion", model="test-region", sample=photo(), target=0)
    shown = list(backend.stream(question.asking(inputs=Runs((run,)))))
    undecided = [finding for finding in shown if not all(measure.controls for measure in finding.measures)]
    assert undecided
    assert shown[-1] not in undecided
    assert np.isnan(shown[0].curves["insertion"]).any()
    assert not np.isnan(shown[-1].curves["insertion"]).any()


def test_a_blank_map_ranks_nothing(planted_map: Ask) -> None:
    with pytest.raises(RunError, match="blank"):
        check(planted_map("test_blank"))


def test_a_check_of_another_target_is_refused(planted_map: Ask, engine: Engine) -> None:
    run = backend.ask("test_right", model="test-region", sample=photo(), target=0)
    question = backend.ask("insertion_deletion", model="test-region", sample=photo(), target=1)
    with pytest.raises(RunError, match="different models, edits of the model, or targets"):
        backend.run(Question(question.method, run.model, Runs((run,)), question.params, question.target))


def test_the_protocol_names_its_numbers(planted_map: Ask) -> None:
    protocol = check(planted_map("test_right"), steps=12).protocol
    for words in ("12 equal steps", "σ 4 px", "σ 10 px", "127", "8 smooth random orders", "7 × 7", "22 for this map", "223"):
        assert words in protocol
