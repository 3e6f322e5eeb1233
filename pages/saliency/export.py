"""Keep outside: pictures, numbers, settings and the lines of Python of what is on screen."""

from __future__ import annotations

import io
import json
import zipfile
from typing import Any
from urllib.parse import urlencode

import numpy as np
import streamlit as st
from PIL import Image as Picture

from backend.methods.encoding import encode
from backend.methods.question import Question
from backend.methods.registry import method_named
from backend.methods.saliency.result import Saliency
from backend.snippet import snippet
from components import jobs
from components.figures.layers import layer_picture
from components.figures.maps import shared_limit
from pages.saliency.maps import drawing
from pages.saliency.scene import Row, Scene
from pages.saliency.trust import findings
from pages.saliency.view import write


def tools(scene: Scene) -> None:
    """Copy link and Export, for the heading row."""
    with st.popover("Copy link", icon=":material/link:", type="tertiary"):
        st.caption("Opens this photo, target, methods and drawing on this server. The photo itself stays here.")
        st.code(address(scene), language=None, wrap_lines=True)
    with st.popover("Export", icon=":material/download:", type="tertiary"):
        if not _finished(scene):
            st.caption("There is no finished map to export yet.")
            return
        st.download_button("Pictures, PNG", lambda: pictures(scene), "vitrine-maps.zip", "application/zip", on_click="ignore")
        st.download_button("Numbers, NPZ", lambda: numbers(scene), "vitrine-maps.npz", on_click="ignore")
        st.download_button("Settings and findings, JSON", lambda: settings(scene), "vitrine-maps.json", on_click="ignore")
        st.caption("The same from Python:")
        for _, question, _ in _finished(scene):
            st.code(snippet(question), language="python")


def address(scene: Scene) -> str:
    """The full link to what is on screen."""
    base = (st.context.url or "").split("?")[0]
    parts = {**({"model": scene.view.model} if scene.view.model else {}), **write(scene.view)}
    return f"{base}?{urlencode(parts)}"


def _finished(scene: Scene) -> list[tuple[Row, Question, Saliency]]:
    found = []
    for row in scene.rows:
        for question in row.questions.values():
            snapshot = jobs.look(question)
            if snapshot is not None and snapshot.value is not None:
                found.append((row, question, snapshot.value))
    return found


def pictures(scene: Scene) -> bytes:
    """A zip of PNG pictures: the photo as the model sees it and each map over it, on its own scale, as on screen."""
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as file:
        for row in scene.rows:
            file.writestr(f"{row.name}.png", _png(row.frame.squeeze()))
        for row, question, value in _finished(scene):
            cells = drawing(value, scene.view).cells
            limit = shared_limit(cells) or 1.0
            picture = layer_picture(np.clip(cells / limit, -1, 1), row.frame, "light", scene.view.opacity / 100)
            file.writestr(f"{row.name}-{question.method}.png", _png(picture))
    return archive.getvalue()


def _png(pixels: np.ndarray) -> bytes:
    buffer = io.BytesIO()
    Picture.fromarray(pixels).save(buffer, "PNG")
    return buffer.getvalue()


def numbers(scene: Scene) -> bytes:
    """An NPZ of the frames and attributions, float32 (C, H, W), by row and method; no pickled objects."""
    arrays: dict[str, Any] = {f"{row.name}/frame": row.frame for row in scene.rows}
    for row, question, value in _finished(scene):
        arrays[f"{row.name}/{question.method}"] = value.attribution
        if value.standard_error is not None:
            arrays[f"{row.name}/{question.method}/standard_error"] = value.standard_error
    buffer = io.BytesIO()
    np.savez_compressed(buffer, allow_pickle=False, **arrays)
    return buffer.getvalue()


def settings(scene: Scene) -> str:
    """The questions whole, with what came of them and what the checks found, as JSON."""
    runs = []
    for row, question, value in _finished(scene):
        found = findings(question) if row.name == "photo" else []
        runs.append(
            {
                "run": question.hash,
                "title": method_named(question.method).title,
                "question": encode(question),
                "class": scene.labels[value.target.index],
                "logit": value.logit,
                "unit": value.unit,
                "note": value.note,
                "facts": dict(value.facts),
                "passes": {"forward": value.passes.forward, "backward": value.passes.backward},
                "seconds": value.seconds,
                "findings": [
                    {
                        "check": finding.name,
                        "protocol": finding.protocol,
                        "measures": [
                            {"name": m.name, "value": m.value, "unit": m.unit, "better": m.better, "verdict": m.verdict}
                            | {"controls": {name: list(values) for name, values in m.controls.items()}}
                            for m in finding.measures
                        ],
                    }
                    for finding in found
                ],
            }
        )
    return json.dumps({"model": scene.view.model, "link": address(scene), "runs": runs}, indent=2, ensure_ascii=False)
