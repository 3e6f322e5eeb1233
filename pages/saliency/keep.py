"""Keep here: the history of runs with pins, and studies that hold some of them together."""

from __future__ import annotations

import datetime
from functools import partial
from typing import Any
from urllib.parse import urlencode

import streamlit as st

from backend.data import images
from backend.markdown import literal
from backend.methods.params import ParameterError
from backend.methods.registry import method_named, methods
from backend.models.catalog import ModelError, entry
from backend.places import PlaceError
from backend.store.runs import Run, RunGone, RunStore
from backend.store.studies import Studies, StudyError, StudyGone
from components import jobs
from components.figures.frame import data_uri
from components.report.study import study_report
from pages.saliency import compare
from pages.saliency.link import arm
from pages.saliency.scene import Scene

LISTED = 30


def pin_button(scene: Scene) -> None:
    """Pin every finished map on screen, so that it stays first in the history and is never removed to make room."""
    done = [q.hash for q in scene.questions if (s := jobs.look(q)) is not None and s.final and s.value is not None]
    if st.button("Pin", icon=":material/keep:", type="tertiary", disabled=not done, help="Keep these maps in the history."):
        for name in done:
            _tell(partial(RunStore().pin, name))
        st.toast(f"{len(done)} maps pinned.", icon=":material/keep:")


def history(scene: Scene) -> None:
    """What was asked on this machine, pinned runs first; tick to pin, select to open or to put into a study."""
    try:
        runs = _listed()
    except PlaceError as error:
        st.error(literal(str(error), 400), icon=":material/error:")
        return
    pinned = sum(run.pinned for run in runs)
    title = f"History · {_runs(len(runs))}, {pinned} pinned"
    with st.expander(title, icon=":material/history:", key="history_open", on_change="rerun") as opened:
        if opened.open and not runs:
            st.caption("Finished maps will be listed here.")
        elif opened.open:
            _history(scene, runs)
    with st.expander("Studies", icon=":material/collections_bookmark:", key="studies_open", on_change="rerun") as opened:
        if opened.open:
            _studies(scene, runs)


def _history(scene: Scene, runs: list[Run]) -> None:
    compare.pinned(scene.view, runs, lambda run: literal(f"{_title(run)}, {_asked(run).removesuffix('?')}"))
    _table(runs)


def _listed() -> list[Run]:
    store = RunStore()
    seen = {run.hash: run for run in (*store.history(LISTED, pinned=True), *store.history(LISTED))}
    maps = {method.name for method in methods("saliency")}
    return [run for run in seen.values() if run.method in maps]


def _table(runs: list[Run]) -> None:
    rows = [_line(run) for run in runs]
    photo, link = st.column_config.ImageColumn(width="small"), st.column_config.LinkColumn(display_text="open")
    edited = st.data_editor(
        rows, hide_index=True, key="history_table", disabled=[name for name in rows[0] if name != "Pin"],
        column_config={"Photo": photo, "Open": link},
    )  # fmt: skip
    for run, before, after in zip(runs, rows, edited, strict=True):
        if before["Pin"] != after["Pin"]:
            _tell(partial(RunStore().pin, run.hash, bool(after["Pin"])))
            del st.session_state["history_table"]
            st.rerun()


def _line(run: Run) -> dict[str, Any]:
    when = datetime.datetime.fromtimestamp(run.recorded).strftime("%d %b %H:%M")
    state = "" if run.state == "finished" else f", stopped at {run.done} of {run.total}"
    return {
        "Pin": run.pinned,
        "Photo": _thumbnail(run.content),
        "Question": _asked(run),
        "Method": _title(run) + state,
        "Passes": run.passes.forward,
        "Seconds": round(run.seconds, 1),
        "When": when,
        "Open": "/saliency?" + urlencode({"model": run.model, "run": run.hash}),
    }


def _title(run: Run) -> str:
    try:
        return method_named(run.method).title
    except ValueError:
        return run.method


def _asked(run: Run) -> str:
    try:
        target, labels = run.question.target, entry(run.model).labels
    except (ParameterError, ModelError, ValueError):
        return "asked in another version"
    if target is None:
        return ""
    against = getattr(target, "against", None)
    return f"Why {labels[target.index]}" + (f" and not {labels[against]}?" if against is not None else "?")


@st.cache_data(max_entries=256, show_spinner=False)
def _thumbnail(content: str | None) -> str | None:
    import numpy as np

    try:
        picture = images.load(content or "").convert("RGB")
    except images.ImageError:
        return None
    picture.thumbnail((64, 64))
    return data_uri(np.asarray(picture))


def _studies(scene: Scene, runs: list[Run]) -> None:
    store = Studies()
    with st.container(horizontal=True, vertical_alignment="bottom"):
        name = st.text_input("New study", key="study_name", placeholder="Cats the model confuses", width=300)
        if st.button("Create", disabled=not name):
            _tell(partial(store.create, name))
            st.rerun()
    shown = [q.hash for q in scene.questions if (s := jobs.look(q)) is not None and s.state == "finished"]
    for study in store.all():
        with st.container(border=True):
            st.markdown(f"**{literal(study.name)}** · {_runs(study.runs)}")
            with st.container(horizontal=True, gap="small"):
                if st.button("Add these maps", key=f"add_{study.id}", disabled=not shown, icon=":material/add:"):
                    for run in shown:
                        _tell(partial(store.add, study.id, run))
                    st.rerun()
                st.download_button(
                    "Share as HTML", partial(study_report, store, study.id), f"study-{study.id}.html", "text/html",
                    key=f"share_{study.id}", on_click="ignore", icon=":material/share:",
                )  # fmt: skip
                with st.popover("Rename or delete", type="tertiary"):
                    new = st.text_input("Name", value=study.name, key=f"rename_{study.id}")
                    if st.button("Rename", key=f"do_rename_{study.id}", disabled=new == study.name):
                        _tell(partial(store.rename, study.id, new))
                        st.rerun()
                    if st.button("Delete the study, keep its runs", key=f"delete_{study.id}"):
                        _tell(partial(store.delete, study.id))
                        st.rerun()
            _study_runs(store, study.id)


def _study_runs(store: Studies, study: str) -> None:
    for name in store.hashes(study):
        try:
            run = store.runs.run(name)
        except RunGone as error:
            st.caption(str(error))
            continue
        label = f"{_asked(run)} · {_title(run)}"
        if st.button(literal(label, 120), key=f"open_{study}_{name}", type="tertiary", icon=":material/open_in_new:"):
            st.query_params["run"] = name
            arm()
            st.rerun()


def _tell(action: Any) -> None:
    """Do it, and say in the page where the store does not take it."""
    try:
        action()
    except (StudyError, StudyGone, RunGone, PlaceError) as error:
        st.toast(literal(str(error), 300), icon=":material/error:")


def _runs(count: int) -> str:
    return f"{count} run" if count == 1 else f"{count} runs"
