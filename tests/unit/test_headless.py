"""The notebook's way in: methods listed, run, streamed and checked by plain values; errors name what there is."""

from __future__ import annotations

import subprocess
import sys
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image as Picture
from skimage import data

import backend
from backend.data.images import ImageError
from backend.data.samples import samples
from backend.engine.stepping import Engine
from backend.evidence.finding import Finding
from backend.headless import RunError
from backend.methods.params import ParameterError
from backend.methods.question import ClassLogit, Contrast
from backend.methods.saliency.result import Saliency

DIGIT = samples("digit")[0].name
ON_DIGIT: dict[str, Any] = {"model": "digits-cnn", "sample": DIGIT, "target": 3}


def test_methods_are_listed_by_page() -> None:
    names = [method.name for method in backend.methods("saliency")]
    assert sorted(names) == [
        "grad_cam", "gradient", "input_x_gradient", "integrated_gradients", "occlusion", "rise", "smoothgrad",
    ]  # fmt: skip
    assert set(names) < {method.name for method in backend.methods()}
    assert not {"insertion_deletion", "completeness"} & {method.name for method in backend.methods()}  # these are checks


def test_a_run_gives_the_map_with_its_facts(engine: Engine) -> None:
    result = backend.run("integrated_gradients", model="efficientnet-lite0", sample="cat", target=285, steps=16)
    assert isinstance(result, Saliency)
    assert (result.attribution.dtype, result.attribution.shape) == (np.float32, (3, 224, 224))
    assert np.array_equal(result.heatmap, result.attribution.sum(0))
    assert result.target == ClassLogit(285)
    assert result.logit == pytest.approx(float(backend.prediction(sample="cat").logits[285]), rel=1e-4)
    assert result.unit == "logit"
    assert (result.passes.forward, result.passes.backward) == (16, 16)
    assert result.seconds > 0


def test_without_a_target_the_models_first_class_is_explained(engine: Engine) -> None:
    first = backend.prediction(sample="cat").top(1)[0]
    assert backend.run("gradient", sample="cat").target == ClassLogit(first)


def test_a_target_is_a_number_of_any_kind_or_a_contrast(engine: Engine) -> None:
    of_numpy = backend.run("gradient", **{**ON_DIGIT, "target": np.argmax(np.arange(4))})
    assert of_numpy.target == ClassLogit(3)
    assert backend.run("gradient", **{**ON_DIGIT, "target": Contrast(3, 8)}).target == Contrast(3, 8)
    with pytest.raises(TypeError):
        backend.run("gradient", **{**ON_DIGIT, "target": "cat"})


def test_a_sample_is_a_name_a_file_or_bytes(engine: Engine, tmp_path: Path) -> None:
    file = tmp_path / "cat.png"
    Picture.fromarray(data.chelsea()).save(file)
    buffer = BytesIO()
    Picture.fromarray(data.chelsea()).save(buffer, "PNG")
    maps = [backend.run("gradient", sample=sample, target=285).heatmap for sample in ("cat", file, str(file), buffer.getvalue())]
    assert all(np.array_equal(maps[0], other) for other in maps[1:])


def test_a_stream_gives_whole_maps_and_ends_with_the_finished_one(engine: Engine) -> None:
    found = list(backend.stream("rise", **ON_DIGIT, masks=400))
    counts = [result.facts["masks"] for result in found]
    assert counts == sorted(counts)
    assert counts[-1] == 400
    assert all(result.attribution.shape == (1, 8, 8) for result in found)
    assert np.array_equal(found[-1].heatmap, backend.run("rise", **ON_DIGIT, masks=400).heatmap)


def test_leaving_a_stream_stops_the_run(engine: Engine) -> None:
    stream = backend.stream("rise", sample="cat", target=285, masks=8000)
    next(stream)
    stream.close()  # type: ignore[attr-defined]
    (job,) = [job for job in engine._jobs.values() if job.question.method == "rise"]
    with engine._wake:
        assert engine._wake.wait_for(lambda: job.snapshot.final, 60)
    assert job.snapshot.state == "stopped"
    assert job.snapshot.done < 8000


def test_a_check_gives_a_finding_about_a_result(engine: Engine) -> None:
    result = backend.run("integrated_gradients", **ON_DIGIT)
    finding = backend.check("completeness", result)
    assert isinstance(finding, Finding)
    assert finding.name
    assert isinstance(finding.value, float)
    assert len(finding.protocol) > 20


def test_a_result_made_elsewhere_cannot_be_checked(engine: Engine) -> None:
    result = backend.run("gradient", **ON_DIGIT)
    copy = Saliency(**{name: getattr(result, name) for name in result.__dataclass_fields__})
    with pytest.raises(LookupError, match="not computed by backend.run"):
        backend.check("completeness", copy)


@pytest.mark.parametrize(
    ("method", "values", "error", "message"),
    [
        ("gradients", {}, ValueError, "no method named 'gradients'; there are .*gradient, .*rise"),
        ("gradient", {"model": "resnet"}, RunError, "no model named 'resnet'; there are efficientnet-lite0, digits-cnn"),
        ("gradient", {"sample": "kat"}, ImageError, "'kat' is no file, and no sample; there are cat, coffee"),
        ("occlusion", {"window": 3, "cells": 4}, ParameterError, "takes the parameters cells, overlap, baseline, not window$"),
        ("gradient", {"steps": 3}, ParameterError, "gradient takes the parameters none, not steps"),
        ("occlusion", {"cells": 400}, ParameterError, "Cells: 400 is outside 3 to 14"),
        ("occlusion", {"baseline": "red"}, ParameterError, "Baseline: 'red' is none of black, grey, blur, noise"),
        ("gradient", {"target": 10}, RunError, "Class 10 is outside 0 to 9, the classes of digits-cnn"),
        ("gradient", {"target": Contrast(2, 2)}, RunError, "Class 2 against itself"),
        ("gradient", {"seed": -1}, ParameterError, "Seed: -1 is outside 0 to"),
        ("grad_cam", {"layer": "conv9"}, RunError, "no layer 'conv9'; it has stage1, stage2, stage3"),
    ],
)
def test_errors_name_what_was_asked_and_what_there_is(
    engine: Engine, method: str, values: dict[str, Any], error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=message):
        backend.run(method, **{**ON_DIGIT, **values})


def test_a_headless_run_is_not_written_to_the_history(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    class Full:
        def record(self, *values: Any, **more: Any) -> None:
            raise AssertionError("kept")

        def recall(self, question: Any) -> None:
            return None

    monkeypatch.setattr(engine.workshop, "archive", Full())
    backend.run("gradient", **ON_DIGIT)
    backend.run("gradient", **{**ON_DIGIT, "target": 4})  # the first is behind the archive by now
    assert engine.status().problem is None


def test_listing_and_asking_leave_torch_unimported() -> None:
    code = (
        "import sys, backend; backend.methods('saliency'); backend.ask('gradient', sample='cat', target=285);"
        "sys.exit('torch' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
