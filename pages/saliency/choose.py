"""Choose: the photo, what the model says of it, and which of its answers is explained."""

from __future__ import annotations

from functools import partial

import numpy as np
import streamlit as st

from backend.data import images, samples
from backend.data.frames import frame
from backend.engine.job import Snapshot
from backend.limits import PIXELS, UPLOAD_BYTES
from backend.markdown import literal
from backend.methods.question import Contrast, Image, Question
from backend.models.catalog import CatalogEntry
from components import jobs
from components.figures.bars import prediction_bars
from components.live import poll_interval, rest
from components.live_figure import Click, live_figure
from components.pictures import picture
from components.theme import current_theme
from pages.saliency.link import change, open_text
from pages.saliency.scene import PHOTO_WIDTH, Row, Scene, kind_of, picture_of
from pages.saliency.view import View

SHOWN_CLASSES = 5
NOTHING = -1  # Streamlit shows None as an empty box
NEAR_TIE = 0.5  # logits: exp(0.5) is 1.6, so the second is at least 0.6 times as likely
BARS_HEIGHT = 180
EXPLAIN_HELP = "The class whose logit the maps explain. Type to search. A click on a bar does the same."
AGAINST_HELP = "Explain what tips the balance between two classes: the difference of their logits."


def title(scene: Scene) -> str:
    """The page's question."""
    if scene.target is None:
        return "What is the model looking at?"
    asked = f"Why *{literal(scene.labels[scene.target.index])}*"
    if isinstance(scene.target, Contrast):
        asked += f" and not *{literal(scene.labels[scene.target.against])}*"
    return asked + "?"


def question_row(scene: Scene) -> None:
    """The photo as the model sees it, its prediction, and the choice of a target."""
    with st.container(horizontal=True, gap="medium"):
        with st.container(width=PHOTO_WIDTH):
            st.image(scene.main.picture, width=PHOTO_WIDTH, output_format="PNG", alt=f"{scene.main.title}, as the model sees it")
        with st.container(width=330):
            st.markdown("**The model says**", help="The five most likely classes: probability, then logit.")
            prediction(scene, scene.main, key="bars")
        with st.container(width="stretch"):
            _target(scene)


def prediction(scene: Scene, row: Row, key: str, height: int = BARS_HEIGHT) -> None:
    """The likeliest classes as bars; a click explains one."""
    if row.failure:
        st.error(row.failure, icon=":material/error:")
        return
    if row.prediction is None or scene.target is None:
        st.skeleton(height)
        return
    classes = row.prediction.top(min(SHOWN_CLASSES, len(scene.labels)))
    if scene.target.index not in classes:
        classes = [*classes[:-1], scene.target.index]
    chances = row.prediction.probabilities
    figure = prediction_bars(
        [scene.labels[index] for index in classes],
        [float(chances[index]) for index in classes],
        [float(row.prediction.logits[index]) for index in classes],
        classes.index(scene.target.index),
        current_theme(),
        classes,
    )
    said = ", ".join(f"{scene.labels[index]} {chances[index]:.2f}" for index in classes)

    def explain(click: Click) -> None:
        if click.customdata is not None:
            change(scene.view, start=True, explain=int(click.customdata), against=None)

    live_figure(figure, key=key, height=height, alt=f"Bars of the model's likeliest classes: {said}", on_select=explain)


def _target(scene: Scene) -> None:
    view, labels = scene.view, scene.labels
    if scene.target is None or scene.main.prediction is None:
        st.skeleton(150)
        return
    order = scene.main.prediction.top(len(labels))
    st.session_state["sal_explain"] = scene.target.index
    st.selectbox(
        "Explain", order, key="sal_explain", format_func=labels.__getitem__, help=EXPLAIN_HELP,
        on_change=lambda: change(view, start=True, explain=st.session_state.sal_explain),
    )  # fmt: skip
    others = [NOTHING, *[index for index in order if index != scene.target.index]]
    st.session_state["sal_against"] = scene.target.against if isinstance(scene.target, Contrast) else NOTHING
    st.selectbox(
        "Against", others, key="sal_against", help=AGAINST_HELP,
        format_func=lambda index: "nothing (the class's own logit)" if index == NOTHING else labels[index],
        on_change=lambda: change(view, start=True, against=_chosen(st.session_state.sal_against)),
    )  # fmt: skip
    _near_tie(scene, order)


def _chosen(index: int) -> int | None:
    return None if index == NOTHING else index


def _near_tie(scene: Scene, order: list[int]) -> None:
    """One sentence that says how clear the model's answer is."""
    assert scene.main.prediction is not None
    assert scene.target is not None
    logits, labels = scene.main.prediction.logits, scene.labels
    rival = next(index for index in order if index != scene.target.index)
    ahead = float(logits[scene.target.index] - logits[rival])
    if isinstance(scene.target, Contrast):
        lead = float(logits[scene.target.index] - logits[scene.target.against])
        st.caption(f":material/balance: The logits differ by {lead:+.2f}; the maps say which pixels make that difference.")
    elif abs(ahead) < NEAR_TIE:
        place = "behind" if ahead > 0 else "ahead"
        st.caption(
            f":material/balance: A near tie: {literal(labels[rival])} is {abs(ahead):.2f} logits {place}. "
            f"Ask *against {literal(labels[rival])}* to see what tips it."
        )
    else:
        place = "ahead of" if ahead > 0 else "behind"
        st.caption(f":material/balance: {abs(ahead):.1f} logits {place} {literal(labels[rival])}.")


def toggle() -> None:
    """Open the choice of another photo, or close it."""
    st.session_state["choosing"] = not st.session_state.get("choosing", False)


def change_photo(view: View, model: CatalogEntry) -> None:
    """The gallery, an upload or a pasted link; what goes wrong is said here, and the page below stays."""
    with st.container(border=True):
        kinds = ["Samples", "Upload", "Link"]
        source = st.segmented_control("Source", kinds, default="Samples", required=True, label_visibility="collapsed")
        if source == "Upload":
            _upload(view)
        elif source == "Link":
            _open_link()
        else:
            _gallery(view, model)


def gallery_questions(view: View, model: CatalogEntry) -> list[Question]:
    """What the gallery asks the model of each sample."""
    contents = [samples.sample_image(item.name) for item in samples.samples(kind_of(model))]
    return [view.question("prediction", Image(content), None) for content in contents]


def _gallery(view: View, model: CatalogEntry) -> None:
    asked = [jobs.ask(question, lane="background", keep=False) for question in gallery_questions(view, model)]
    waiting = not all(snapshot.final for snapshot in asked)
    st.fragment(_samples, run_every=poll_interval(waiting))(view, model, waiting)


def _samples(view: View, model: CatalogEntry, waiting: bool) -> None:
    snapshots = [jobs.look(question) for question in gallery_questions(view, model)]
    with st.grid(6, min_column_width=120, gap="small"):
        for item, snapshot in zip(samples.samples(kind_of(model)), snapshots, strict=True):
            content = samples.sample_image(item.name)
            shown = partial(_framed, content, model)
            with st.container(gap="xsmall"):
                st.image(picture(f"{content} {model.name}", shown), width="stretch", output_format="PNG", alt=item.title)
                st.button(
                    _said(model, snapshot) or item.title, key=f"sample_{item.name}", width="stretch",
                    help=f"{item.title}, from {item.source}", on_click=_show, args=(view, item.name),
                )  # fmt: skip
    rest(waiting, not all(snapshot is None or snapshot.final for snapshot in snapshots))


def _framed(content: str, model: CatalogEntry) -> np.ndarray:
    return picture_of(frame(images.load(content), model.preprocess))


def _said(model: CatalogEntry, snapshot: Snapshot | None) -> str | None:
    """The model's first class for a sample with its probability, once it has answered."""
    if snapshot is None or snapshot.state != "finished":
        return None
    first = snapshot.value.top(1)[0]
    return f"{literal(model.labels[first], 22)} · {snapshot.value.probabilities[first]:.2f}"


def _show(view: View, photo: str) -> None:
    st.session_state["choosing"] = False
    change(view, start=True, photo=photo, explain=None, against=None, erase=None)
    st.rerun(scope="app")


def _upload(view: View) -> None:
    limit = (
        f"JPEG, PNG or WebP, up to {UPLOAD_BYTES // 1024**2} MB and {PIXELS // 10**6} megapixels. Photos stay on this machine."
    )
    file = st.file_uploader(limit, type=["jpg", "jpeg", "png", "webp"], max_upload_size=UPLOAD_BYTES // 1024**2, key="sal_upload")
    if file is None:
        return
    if st.session_state.get("uploaded") == file.file_id:
        st.success(f"{literal(file.name, 40)} is open below.", icon=":material/check:")
        return
    try:
        content = images.add(file.name, file.getvalue())
    except (images.ImageError, OSError) as error:
        st.error(f"{literal(str(error), 400)} The photo below is still here.", icon=":material/broken_image:")
        return
    st.session_state["uploaded"] = file.file_id
    change(view, start=True, photo=content, explain=None, against=None, erase=None)
    st.rerun()


def _open_link() -> None:
    text = st.text_input(
        "A link to a page of Vitrine, or the fingerprint of a run", key="sal_link", placeholder="http://…/saliency?photo=…"
    )
    if not text:
        return
    problem = open_text(text)
    if problem:
        st.error(literal(problem, 400), icon=":material/link_off:")
    else:
        st.session_state["choosing"] = False
        st.rerun()
