"""Keep outside: pictures, numbers, settings and the lines of Python of what is on screen."""

from __future__ import annotations

import io
import json
import math
import zipfile
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from functools import partial
from typing import Any
from urllib.parse import urlencode

import numpy as np
import streamlit as st

from backend.evidence.finding import Finding
from backend.methods.encoding import encode
from backend.methods.question import Question
from backend.methods.registry import method_named
from backend.methods.saliency.result import Saliency
from backend.snippet import snippet
from components import jobs
from components.figures.cells import drawn_cells
from components.figures.frame import enlarged
from components.figures.layers import layer_picture
from components.figures.maps import shared_limit
from components.report.pictures import png
from pages.saliency.scene import Row, Scene
from pages.saliency.trust import findings
from pages.saliency.view import write


@dataclass(frozen=True)
class Shown:
    """What is on screen, gathered while the page is drawn: a download runs later, where the session cannot be asked."""

    scene: Scene
    link: str
    maps: tuple[tuple[Row, Question, Saliency], ...]
    found: Mapping[str, list[Finding]]


def tools(scene: Scene) -> None:
    """Copy link and Export, for the heading row."""
    link = address(scene)
    with st.popover("Copy link", icon=":material/link:", type="tertiary"):
        st.caption("Opens this photo, target, methods and drawing on this server. The photo itself stays here.")
        st.code(link, language=None, wrap_lines=True)
    with st.popover("Export", icon=":material/download:", type="tertiary"):
        maps = _maps(scene)
        if not maps:
            st.caption("There is no map to export yet.")
            return
        shown = Shown(scene, link, maps, {question.hash: findings(question) for question in scene.main.questions.values()})
        for label, made, name in (
            ("Pictures, PNG", pictures, "vitrine-maps.zip"),
            ("Numbers, NPZ", numbers, "vitrine-maps.npz"),
            ("Settings and findings, JSON", settings, "vitrine-maps.json"),
        ):
            st.download_button(label, partial(made, shown), name, on_click="ignore", width="stretch")
        st.caption("The same from Python:")
        for _, question, _ in maps:
            st.code(snippet(question), language="python")


def address(scene: Scene) -> str:
    """The full link to what is on screen."""
    base = (st.context.url or "").split("?")[0]
    parts = {**({"model": scene.view.model} if scene.view.model else {}), **write(scene.view)}
    return f"{base}?{urlencode(parts)}"


def _maps(scene: Scene) -> tuple[tuple[Row, Question, Saliency], ...]:
    found = []
    for row in scene.rows:
        for question in row.questions.values():
            snapshot = jobs.look(question)
            if snapshot is not None and snapshot.value is not None:
                found.append((row, question, snapshot.value))
    return tuple(found)


def pictures(shown: Shown) -> bytes:
    """A zip of PNG pictures: the photo as the model sees it and each map over it, on its own scale, as on screen."""
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as file:
        for row in shown.scene.rows:
            file.writestr(f"{row.name}.png", png(row.frame.squeeze()))
        for row, question, value in shown.maps:
            cells = drawn_cells(value, shown.scene.view.grain, ranks=shown.scene.view.ranks).cells
            opacity = shown.scene.view.opacity / 100
            picture = layer_picture(cells, enlarged(row.frame), "light", opacity, shared_limit(cells))
            file.writestr(f"{row.name}-{question.method}.png", png(picture))
    return archive.getvalue()


def numbers(shown: Shown) -> bytes:
    """An NPZ of the frames and attributions, float32 (C, H, W), by row and method; no pickled objects."""
    arrays: dict[str, Any] = {f"{row.name}/frame": row.frame for row in shown.scene.rows}
    for row, question, value in shown.maps:
        arrays[f"{row.name}/{question.method}"] = value.attribution
        if value.standard_error is not None:
            arrays[f"{row.name}/{question.method}/standard_error"] = value.standard_error
    buffer = io.BytesIO()
    np.savez_compressed(buffer, allow_pickle=False, **arrays)
    return buffer.getvalue()


def settings(shown: Shown) -> str:
    """The questions whole, with what came of them and what the checks found, as JSON."""
    runs = [_settings_of(shown, question, value) for _, question, value in shown.maps]
    return json.dumps({"model": shown.scene.view.model, "link": shown.link, "runs": runs}, indent=2, ensure_ascii=False)


def _settings_of(shown: Shown, question: Question, value: Saliency) -> dict[str, Any]:
    return {
        "run": question.hash,
        "title": method_named(question.method).title,
        "question": encode(question),
        "class": shown.scene.labels[value.target.index],
        "logit": value.logit,
        "unit": value.unit,
        "note": value.note,
        "facts": {name: _finite(number) for name, number in value.facts.items()},
        "passes": asdict(value.passes),
        "seconds": value.seconds,
        "findings": [
            {
                "check": finding.name,
                "protocol": finding.protocol,
                "measures": [asdict(measure) | {"value": _finite(measure.value)} for measure in finding.measures],
            }
            for finding in shown.found.get(question.hash, [])
        ],
    }


def _finite(number: float) -> float | None:
    """JSON knows no infinity."""
    return number if math.isfinite(number) else None
