"""Runs on the saliency page: what waits for Run, Stop that keeps the partial map, Finish that goes on, settings, drawing."""

from __future__ import annotations

import base64

import numpy as np
import pytest

from backend.engine import engine
from tests.app.visit import WORK_SECONDS, Visit

MASKS = 400


def test_stop_keeps_the_partial_map_and_finish_goes_on_from_there() -> None:
    visit, done = _stopped()
    partial = visit.snapshot("rise")[1].value
    assert 0 < done < MASKS
    visit.labelled("button_group", "Show").set_value("map").run()  # it stays through other changes
    card = visit.cards()["rise"]
    assert card.figure is not None
    assert card.says(f"Stopped at {done} of {MASKS}")

    card.buttons["Finish"].click()
    visit.run()
    name, snapshot = visit.snapshot("rise")
    while not snapshot.done:
        snapshot = engine().wait(name, snapshot.version, WORK_SECONDS)
    assert snapshot.done >= done
    visit.settle()
    value = visit.snapshot("rise")[1].value
    assert visit.cards()["rise"].says(f"{MASKS} masks")
    assert value.passes.forward == MASKS + 1
    assert value.standard_error.mean() < partial.standard_error.mean()


def _stopped() -> tuple[Visit, int]:
    """RISE on the photographer, stopped once a partial map was on screen, and the masks done by then."""
    visit = Visit(photo="photographer", methods="rise,gradient", **{"rise.masks": str(MASKS)}).run()
    while not ("rise" in visit.cards() and visit.cards()["rise"].says(f"of {MASKS}")):
        for name, snapshot in visit.asked().items():
            engine().wait(name, snapshot.version, WORK_SECONDS)
        visit.run()
    visit.press("Stop")
    snapshot = engine().wait_final(visit.snapshot("rise")[0], WORK_SECONDS)
    assert snapshot is not None
    assert snapshot.state == "stopped"
    return visit.run(), snapshot.done


def test_a_costly_change_waits_for_run_and_says_its_cost() -> None:
    visit = Visit(photo="photographer", methods="rise", **{"rise.masks": "50"}).settle()
    visit.labelled("slider", "Masks").set_value(8000).run()
    assert visit.link["rise.masks"] == "8000"
    assert visit.cards()["rise"].figure is None
    assert not visit.button("Run").disabled
    assert any("8,001 passes" in text for text in visit.texts)


def test_a_change_back_needs_no_run() -> None:
    visit = Visit(model="digits-cnn", methods="rise", **{"rise.masks": "50"}).settle()
    drawn = visit.cards()["rise"].figure
    visit.labelled("slider", "Masks").set_value(100)
    visit.settle()
    visit.labelled("slider", "Masks").set_value(50)
    visit.settle()
    assert visit.cards()["rise"].figure == drawn


@pytest.fixture(scope="module")
def drawn() -> Visit:
    """A photo with two maps, one in cells of the page's choice."""
    return Visit(methods="integrated_gradients,grad_cam", **{"integrated_gradients.steps": "16"}).settle()


def _cells(visit: Visit, method: str) -> tuple[int, ...]:
    trace = visit.cards()[method].figure["traces"][0]
    array = np.frombuffer(base64.b64decode(trace["z"]["bdata"]), np.float32)
    return tuple(int(side) for side in str(trace["z"].get("shape", array.size)).split(","))


def test_cells_look_and_opacity_are_drawn_without_a_pass(drawn: Visit) -> None:
    before = _passes(drawn)
    drawn.labelled("button_group", "Cells").set_value(16).run()
    assert _cells(drawn, "integrated_gradients") == (14, 14)
    assert _cells(drawn, "grad_cam") == (7, 7)
    drawn.labelled("button_group", "Cells").set_value(1).run()
    assert _cells(drawn, "integrated_gradients") == (224, 224)
    drawn.labelled("button_group", "Show").set_value("photo").run()
    assert drawn.cards()["grad_cam"].figure["traces"][0]["opacity"] == 0
    drawn.labelled("button_group", "Show").set_value("overlay").run()
    drawn.labelled("slider", "Opacity of the map, %").set_value(30).run()
    assert drawn.cards()["grad_cam"].figure["traces"][0]["opacity"] == pytest.approx(0.3)
    assert _passes(drawn) == before


def _passes(visit: Visit) -> list[int]:
    """Rows each shown map has cost."""
    return [visit.snapshot(method)[1].value.passes.forward for method in visit.cards()]


def test_ranks_put_maps_of_different_units_on_one_scale(drawn: Visit) -> None:
    limits = {card.figure["traces"][0]["zmax"] for card in drawn.cards().values()}
    assert len(limits) == 2
    drawn.labelled("toggle", "Ranks instead of values").set_value(True).run()
    assert {card.figure["traces"][0]["zmax"] for card in drawn.cards().values()} == {1}
    drawn.labelled("toggle", "Ranks instead of values").set_value(False).run()


def test_a_layer_of_the_strip_becomes_the_map(drawn: Visit) -> None:
    drawn.press("blocks.5").settle()
    assert drawn.cards()["grad_cam"].says("blocks.5, 14 × 14 cells")
    assert drawn.link["grad_cam.layer"] == "blocks.5"


def test_weights_are_randomised_on_demand() -> None:
    visit = Visit(model="digits-cnn", methods="gradient,occlusion").settle()
    assert not any("randomis" in text.lower() and "similar" in text.lower() for text in visit.texts)
    visit.press("Randomise the weights").settle()
    assert any(s.question.method == "weight_randomisation" and s.state == "finished" for s in visit.asked().values())
    assert any("Weight randomisation" in text for text in visit.texts)
