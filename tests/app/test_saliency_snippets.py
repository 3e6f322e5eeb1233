"""The lines of Python that the page offers run in a fresh process and give the same map bit by bit."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from backend import places
from tests.app.visit import ROOT, Visit

QUICK = {"rise.masks": "50", "integrated_gradients.steps": "16", "smoothgrad.samples": "8", "occlusion.cells": "4"}
LINKS = {
    "every method of a digit, one class against another": {
        "model": "digits-cnn", "explain": "3", "against": "5", "methods": "rise,smoothgrad,input_x_gradient,occlusion",
    },
    "a photo with a region gone": {
        "methods": "gradient,integrated_gradients,grad_cam,rise", "erase": "noise~erase~b20_30_90_120~s9_5_5_60_70",
    },
}  # fmt: skip


@pytest.mark.parametrize("link", LINKS.values(), ids=LINKS)
def test_snippets_give_the_same_maps_in_a_fresh_process(link: dict[str, str], tmp_path: Path) -> None:
    visit = Visit(**(link | QUICK)).settle()
    snippets = [code.value for code in visit.app.main.code if "backend.run(" in code.value]
    shown = [s for s in visit.asked().values() if s.question.target is not None and s.question.method in visit.cards()]
    assert len(snippets) == len(shown)

    home = tmp_path / "home"  # the photos of this session, and none of its runs
    home.mkdir()
    (home / "models").symlink_to(places.models())
    shutil.copytree(places.images(), home / "images")
    lines = [f"{snippet}\nnp.save(r'{tmp_path}/{number}.npy', result.attribution)" for number, snippet in enumerate(snippets)]
    script = "import numpy as np\n" + "\n".join(lines)
    done = subprocess.run(
        [sys.executable, "-c", script],
        cwd=ROOT,
        env=os.environ | {"VITRINE_HOME": str(home)},
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    made = [np.load(tmp_path / f"{number}.npy") for number in range(len(snippets))]
    for snapshot in shown:
        name = snapshot.question.method
        assert any(np.array_equal(snapshot.value.attribution, map_) for map_ in made), name
