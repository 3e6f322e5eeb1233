"""The index over a corpus: started by itself, how far it is, what is usable meanwhile, and which corpus it reads."""

from __future__ import annotations

import streamlit as st

from backend.data.corpora import CorpusEntry, corpora
from backend.engine.job import Snapshot
from backend.engine.stepping import QueueFull
from backend.markdown import literal
from backend.methods.params import ParameterError
from backend.methods.question import Question
from backend.methods.registry import method_named
from backend.store.unit_index import IndexDamaged, open_index
from components import jobs
from pages.neurons.columns import weights_question
from pages.neurons.link import change
from pages.neurons.scene import Scene
from pages.saliency.run import in_words

POLL_SECONDS = 1.0
GROWTH = 1.5  # the page turns over when the index holds so many times what is on screen
BY_THEMSELVES = ("functional_classes", "token_projection")  # what takes the weights alone, and longer than a visit may last
NOTHING_READ = {
    True: "Nothing is read yet; search by weights and prompts works already",
    False: "Nothing is read yet; units show as soon as the first pictures are",
}
CORPUS_HELP = "What the units are read over. Examples, densities and firing rates are of this corpus and hold for no other."


def tend(scene: Scene) -> None:
    """Start what the page lives on where nobody has: it goes on when the visitor leaves, and nobody waits for it."""
    if scene.card is None:
        return
    questions = [(question, False) for question in [index_question(scene)] if question is not None and not _finished(scene)]
    if scene.reads_text:
        fitting = [name for name in BY_THEMSELVES if method_named(name).misfit(scene.card) is None]
        questions += [(weights_question(scene, name), True) for name in fitting]
    for question, keep in questions:
        if jobs.tended(question) is None:
            _start(question, keep)


def index_question(scene: Scene) -> Question | None:
    """What collects the index of the scene's model over its corpus; None where there is no corpus or no revision yet."""
    if scene.corpus is None or not scene.view.revision:
        return None
    return scene.view.question("neuron_index", scene.corpus)


def bar(scene: Scene) -> None:
    """How far the index is, with Stop or Go on, and the choice of a corpus."""
    offered = corpora(scene.view.model)
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        with st.container(width="stretch"):
            if scene.corpus is None:
                st.caption(":material/info: There is no corpus for this model here, so nothing is known of its firing.")
            elif scene.card is None:
                st.caption(":material/hourglass_top: Loading the model.")
            else:
                moving = _snapshot(scene)
                alive = moving is not None and not moving.final
                st.fragment(_state, run_every=POLL_SECONDS if alive else None)(scene, alive)
        if len(offered) > 1:
            _choice(scene, offered)


def _state(scene: Scene, alive: bool) -> None:
    question, snapshot = index_question(scene), _snapshot(scene)
    if question is None:
        return
    if _grown(scene) or (alive and (snapshot is None or snapshot.final)):
        st.rerun(scope="app")
    if snapshot is not None and snapshot.state == "failed":
        st.error(f"The index could not be made. {literal(snapshot.reason, 300)} {literal(snapshot.hint, 100)}")
        st.button("Try again", icon=":material/refresh:", on_click=_start, args=(question, False))
    elif snapshot is not None and not snapshot.final:
        _growing(scene, question, snapshot)
    elif _finished(scene):
        st.caption(f":material/check_circle: {read_so_far(scene)}.")
    else:
        with st.container(horizontal=True, vertical_alignment="center", gap="small"):
            st.caption(f":material/pause_circle: Stopped. {read_so_far(scene)}.", width="content")
            st.button("Go on", icon=":material/play_arrow:", on_click=_start, args=(question, False))


def _growing(scene: Scene, question: Question, snapshot: Snapshot) -> None:
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        with st.container(width="stretch"):
            share = snapshot.done / snapshot.total if snapshot.total else 0.0
            st.progress(min(share, 1.0), _progress_words(scene, snapshot))
        st.button("Stop", icon=":material/stop_circle:", on_click=jobs.stop_tended, args=(question,), help="Keeps what is there.")


def _progress_words(scene: Scene, snapshot: Snapshot) -> str:
    left = snapshot.seconds_left
    time = "" if left is None else f" · about {in_words(left)} of work left"
    state = read_so_far(scene) if scene.index is not None else NOTHING_READ[scene.reads_text]
    return f"{state}{time}"


def read_so_far(scene: Scene) -> str:
    """What the index on screen was read over, in words."""
    if scene.index is None or scene.corpus is None:
        return "Nothing of the corpus is read yet"
    manifest = scene.index.manifest
    what = "texts" if scene.reads_text else "pictures"
    of = "" if manifest.finished else f" of {manifest.items_total:,}"
    title = next((item.title for item in corpora(scene.view.model) if item.name == scene.corpus.name), scene.corpus.name)
    cells = "tokens" if scene.reads_text else "positions"
    return f"Read over {title}: {manifest.items:,}{of} {what}, {manifest.positions:,} {cells}"


def _choice(scene: Scene, offered: tuple[CorpusEntry, ...]) -> None:
    assert scene.corpus is not None
    titles = {item.name: item.title for item in offered}
    st.session_state["neurons_corpus"] = scene.corpus.name
    with st.container(width=210):
        st.selectbox(
            "Corpus", list(titles), key="neurons_corpus", format_func=titles.__getitem__, label_visibility="collapsed",
            help=CORPUS_HELP, on_change=lambda: change(scene.view, corpus=st.session_state.neurons_corpus),
        )  # fmt: skip


def _snapshot(scene: Scene) -> Snapshot | None:
    question = index_question(scene)
    return jobs.tended(question) if question is not None else None


def _finished(scene: Scene) -> bool:
    return scene.index is not None and scene.index.manifest.finished


def _grown(scene: Scene) -> bool:
    """Whether the checkpoint on disk holds so much more than the page shows that it is worth drawing anew."""
    if scene.corpus is None or _finished(scene):
        return False
    try:
        now = open_index(scene.view.model, scene.view.revision, scene.corpus)
    except IndexDamaged:
        return False
    if now is None:
        return False
    return scene.index is None or now.manifest.finished or now.manifest.items >= GROWTH * scene.index.manifest.items


def _start(question: Question, keep: bool) -> None:
    try:
        jobs.tend(question, keep=keep)
    except (ParameterError, QueueFull) as error:
        st.toast(literal(str(error), 200), icon=":material/error:")
