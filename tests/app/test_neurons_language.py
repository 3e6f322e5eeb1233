"""The explorer on the real language model with a small index: SmolLM2-135M, Q4_1 de-quantised."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest

import backend
from backend.data.corpora import corpus
from backend.engine import engine
from backend.methods.neurons.unit import Unit, unit_at, unit_title
from backend.store.unit_index import UnitIndex, open_index
from pages.neurons.scene import FIRST_PROMPT
from tests.app.explorer import Explorer, stop_all_tended

MODEL = "smollm2-135m-instruct"
SMALL = {"model": MODEL, "neuron_index.items": "128"}


@pytest.fixture(scope="module", autouse=True)
def _quiet() -> Iterator[None]:
    yield
    stop_all_tended()


@pytest.fixture(scope="module")
def index() -> UnitIndex:
    """What a first visit leaves behind, of the corpus' first 128 texts."""
    visit = Explorer(**SMALL).with_index()
    stop_all_tended()
    revision = next(s.question.model.revision for s in visit.asked().values() if s.question.model.revision)
    found = open_index(MODEL, revision, corpus("documents"))
    assert found is not None
    return found


def _title(index: UnitIndex, place: int) -> str:
    unit = unit_at(place, index.manifest.layers)
    return unit_title(unit, next(layer.kind for layer in index.manifest.layers if layer.name == unit.layer))


def _unit(title: str) -> Unit:
    """The neuron that reads so."""
    block, number = title.removeprefix("L").split(" · N")
    return Unit(f"mlp.{block}", int(number))


def test_the_first_visit_lists_what_fires_on_the_first_prompt(index: UnitIndex) -> None:
    visit = Explorer(**SMALL).settle()
    value = backend.run("unit_activations", model=MODEL, sample=FIRST_PROMPT)
    rows = np.concatenate([value.values[layer.name] for layer in index.manifest.layers], axis=1).astype(np.float32)[1:]
    with np.errstate(invalid="ignore", divide="ignore"):
        far = np.abs((rows - index.statistic("mean")) / index.statistic("deviation"))
    best = np.nanmax(np.where(np.isfinite(far), far, -1), axis=0)
    expected = np.argsort(-best, kind="stable")[: len(visit.units)]
    assert len(visit.units) == 50
    assert set(visit.units) == {_title(index, int(place)) for place in expected}
    assert visit.rows[0]["Here"] == pytest.approx(rows[far[:, expected[0]].argmax(), expected[0]], abs=1e-3)
    assert visit.says("128 texts")


def test_one_token_of_the_prompt_can_be_asked(index: UnitIndex) -> None:
    visit = Explorer(**SMALL, search="prompt", find="3").settle()
    assert {row["At"] for row in visit.rows} == {"·France"}
    assert visit.units != Explorer(**SMALL).settle().units


@pytest.mark.parametrize(("text", "read"), [("Monday", "·Monday"), (" Paris", "·Paris")])
def test_writers_of_a_token_are_those_the_weights_tell(index: UnitIndex, text: str, read: str) -> None:
    visit = Explorer(**SMALL, search="token", find=text).settle()
    tokenizer = engine().workshop.tokenizer(visit.asked().popitem()[1].question.model)
    assert tokenizer is not None
    (token,) = tokenizer.encode(read.replace("·", " ")).ids
    value = backend.run("token_writers", model=MODEL, token=token)
    expected = [unit_at(int(place), value.layers) for place in value.writers]
    assert [_unit(title) for title in visit.units] == expected
    assert visit.rows[0]["Raises it by"] == pytest.approx(float(value.writer_logits[0]), rel=1e-5)
    assert visit.says(f"Read as the token “{read}”")
    assert visit.says("One standard deviation over all neurons is")


def test_a_class_and_a_layer_keep_only_their_units(index: UnitIndex) -> None:
    visit = Explorer(**SMALL, facets="conditional-enrichment", layer="mlp.10").settle()
    value = backend.run("io_functionality", model=MODEL)
    classes = value.classes[10 * 1536 : 11 * 1536]
    members = np.flatnonzero(classes == value.names.index("conditional enrichment"))
    assert visit.units
    assert all(_unit(title).layer == "mlp.10" and _unit(title).index in members for title in visit.units)
    assert visit.says(f"of {len(members):,} units")


def test_the_map_of_classes_tells_shares_beside_shuffled_weights(index: UnitIndex) -> None:
    visit = Explorer(**SMALL, kinds="reads").settle()
    value = backend.run("io_functionality", model=MODEL)
    figure = visit.figure("Share of neurons")
    shown = value.shares[:, 1:].T
    largest = np.unravel_index(shown.argmax(), shown.shape)
    assert figure["traces"][0]["z"][largest[0]][largest[1]] == 1.0
    share = 100 * float((value.classes == 2).mean())
    assert visit.says(f"conditional enrichment {share:.2g} % (shuffled {100 * value.control[2]:.2g})")


@pytest.mark.parametrize(
    ("part", "words"),
    [
        ({"unit": "mlp.30:0"}, ("mlp.30", "mlp.0")),
        ({"unit": "mlp.3:1536"}, ("1536", "1535")),
        ({"search": "token", "find": "Donaudampfschiff"}, ("tokens", "looked for the first")),
        ({"search": "prompt", "find": "99"}, ("99", "4")),
        ({"prompt": "word " * 600}, ("601", "512")),
        ({"prompt": "x" * 20_001}, ("20,001", "20,000")),
        ({"corpus": "<b>bold</b>"}, ("<b>bold</b>", "documents")),
        ({"photo": "nobody", "search": "photo"}, ()),
    ],
)
def test_what_cannot_be_followed_is_said(index: UnitIndex, part: dict[str, str], words: tuple[str, ...]) -> None:
    visit = Explorer(**(SMALL | part)).settle()
    told = " ".join((*visit.problems, *visit.texts))
    assert all(word in told for word in words), told[:3000]
    assert visit.title == "Which units do what?"
