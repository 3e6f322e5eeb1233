"""The index against brute force over every activation the model gave, for a language model and two image models."""

from __future__ import annotations

import numpy as np
import pytest
import torch

import backend
from backend.data.corpora import corpus, text_corpus
from backend.engine.stepping import Engine
from backend.engine.token_passes import TokenPasses
from backend.headless import RunError
from backend.methods.neurons.neuron_index import IndexProgress
from backend.methods.neurons.unit import Unit, position_of
from backend.methods.params import ParameterError
from backend.methods.question import Corpus, ModelRef, ScaleUnits
from backend.methods.steps import Partial, Progress, Result
from backend.models import catalog
from backend.models.loading import load_any
from backend.store.index_file import SAMPLED
from backend.store.unit_index import UnitIndex, open_index
from tests.unit.methods.neurons.index.conftest import NAME, Seen, steps, tiny_language_model

IMAGE_MODELS = ("digits-cnn", "digits-vit")


def built(model: str, on: Corpus, items: int) -> UnitIndex:
    """The finished index; the last step is its result."""
    *_, last = steps(model, on, items)
    assert isinstance(last, Result)
    index = open_index(last.value.model, last.value.revision, on)
    assert index is not None
    return index


def expected_top(seen: Seen, layer: str, unit: int, sign: int, count: int) -> list[tuple[float, int, int]]:
    """(value, item, first position) of the extreme items by sorting all of them: value, then mean, then item."""
    rows = []
    for item, values in seen.values[layer].items():
        column = sign * values[:, unit]
        rows.append((-column.max(), -column.mean(dtype=np.float64), item, int(column.argmax())))
    return [(-sign * value, item, place) for value, _, item, place in sorted(rows)[:count]]


def check_extremes(index: UnitIndex, seen: Seen, first: int) -> None:
    for layer in index.manifest.layers:
        for unit in range(layer.count):
            record = index.record(Unit(layer.name, unit))
            for band, sign, count in (("top", 1, 8), ("bottom", -1, 3)):
                found = [(example.value, example.item, example.place - first) for example in record.examples[band]]
                wanted = expected_top(seen, layer.name, unit, sign, count)
                if len({value for value, _, _ in wanted}) == count:
                    assert found == wanted
                else:  # equal values are ordered by float32 means, which sum in another order
                    assert [value for value, _, _ in found] == [value for value, _, _ in wanted]


def check_distribution(index: UnitIndex, seen: Seen) -> None:
    for layer in index.manifest.layers:
        values = seen.all_of(layer.name).astype(np.float64)
        for unit in range(layer.count):
            record, own = index.record(Unit(layer.name, unit)), values[:, unit]
            assert (record.minimum, record.maximum) == (own.min(), own.max())
            assert record.firing_rate == np.mean(own > 0)
            assert record.mean == pytest.approx(own.mean(), rel=1e-4, abs=1e-6)
            assert record.deviation == pytest.approx(own.std(), rel=1e-4, abs=1e-6)
            if own.std() > 1e-6:
                z = (own - own.mean()) / own.std()
                assert record.skewness == pytest.approx((z**3).mean(), rel=1e-3, abs=1e-3)
                assert record.kurtosis == pytest.approx((z**4).mean(), rel=1e-3)
            edges = np.linspace(record.low, record.high, 65)
            counts = np.histogram(np.clip(own, record.low, record.high), edges)[0]
            assert record.counts.sum() == len(own)
            assert (
                np.abs(record.counts.astype(int) - counts).sum() <= 2 + len(own) // 1000
            )  # a value on an edge may fall to either side


def test_every_activation_of_a_language_model_is_counted_once(tiny: str, words: Corpus, seen: Seen) -> None:
    index = built(tiny, words, 256)
    assert index.manifest.finished
    assert index.manifest.items == 256
    assert {layer.kind for layer in index.manifest.layers} == {"neuron", "head"}
    check_extremes(index, seen, first=1)
    check_distribution(index, seen)


@pytest.mark.parametrize("model", IMAGE_MODELS)
def test_every_activation_of_an_image_model_is_counted_once(model: str, seen: Seen, weights: None) -> None:
    index = built(model, corpus("digits"), 256)
    check_extremes(index, seen, first=0)
    check_distribution(index, seen)


def test_the_values_are_those_of_single_passes(tiny: str, words: Corpus) -> None:
    """Batches, padding and the hook change nothing: the best example read again, alone."""
    index, model = built(tiny, words, 128), load_any(ModelRef(tiny))
    texts = text_corpus(words, model.tokenizer)
    for layer in index.manifest.layers:
        best = index.record(Unit(layer.name, 3)).examples["top"][0]
        values = (
            TokenPasses(model)
            .forward(torch.tensor(texts.item(best.item).astype(np.int64))[None], units=[layer.name], logits="none")
            .units[layer.name][0]
        )
        own = (values.norm(dim=-1) if values.dim() == 3 else values)[:, 3].numpy()
        assert best.value == pytest.approx(own[1:].max(), rel=1e-4)
        shown = own[best.window_start : best.window_start + len(best.window)]
        assert best.window_start >= 1
        assert best.window == pytest.approx(shown, abs=float(np.abs(shown).max()) / 100)
        assert best.window[best.place - best.window_start] == pytest.approx(best.value, rel=0.01)


def test_the_first_position_does_not_count(tiny: str, words: Corpus, seen: Seen) -> None:
    index, model = built(tiny, words, 128), load_any(ModelRef(tiny))
    texts = text_corpus(words, model.tokenizer)
    items = list(seen.values["mlp.0"])
    assert index.manifest.positions == sum(len(texts.item(item)) - 1 for item in items)


def test_sampled_items_are_drawn_from_all_and_hold_each_units_largest_value(tiny: str, words: Corpus, seen: Seen) -> None:
    index = built(tiny, words, 384)
    assert len(set(index.sampled_items.tolist())) == SAMPLED
    assert 120 < index.sampled_items.mean() < 280  # of 400 items, standard error 10
    for unit in (Unit("mlp.1", 5), Unit("attention.0", 2)):
        largest = [seen.values[unit.layer][int(item)][:, unit.index].max() for item in index.sampled_items]
        assert index.sampled_values(unit) == pytest.approx(np.float16(largest).astype(np.float32))
        assert np.array_equal(index.all_sampled_values[position_of(unit, index.manifest.layers)], np.float16(largest))
        places = [seen.values[unit.layer][int(item)][:, unit.index].argmax() + 1 for item in index.sampled_items]
        assert index.sampled_places(unit).tolist() == places


def test_band_examples_lie_in_their_bands(tiny: str, words: Corpus, seen: Seen) -> None:
    index = built(tiny, words, 384)
    found = {"high": 0, "middle": 0, "random": 0}
    for unit in range(24):
        values, record = seen.all_of("mlp.1")[:, unit], index.record(Unit("mlp.1", unit))
        for band, low, high in (("high", 0.985, 0.9995), ("middle", 0.45, 0.93)):
            for example in record.examples[band]:
                own = seen.values["mlp.1"][example.item][example.place - 1, unit]
                assert example.value == pytest.approx(float(own), rel=1e-3, abs=1e-6)
                assert low <= np.mean(values <= own) <= high
        for band in found:
            found[band] += len(record.examples[band])
    assert found["random"] == 72
    assert found["middle"] >= 60
    assert found["high"] >= 20


def test_the_question_leaves_the_model_as_it_was(tiny: str, words: Corpus) -> None:
    model = load_any(ModelRef(tiny))
    rows = torch.arange(1, 21)[None]
    before = TokenPasses(model).forward(rows, logits="all").logits
    built(tiny, words, 128)
    again = load_any(ModelRef(tiny))
    assert torch.equal(TokenPasses(again).forward(rows, logits="all").logits, before)


def test_no_hook_is_left_on_the_model_between_steps(words: Corpus, tiny: str, monkeypatch: pytest.MonkeyPatch) -> None:
    from backend.engine.asking import asking_for
    from backend.engine.workshop import Workshop
    from backend.methods.neurons.index.building import build
    from backend.methods.neurons.neuron_index import NeuronIndex
    from backend.methods.question import Question

    question = Question("neuron_index", ModelRef(tiny), words, NeuronIndex(128))
    asking = asking_for(question, Workshop("cpu"))
    rows = torch.arange(1, 21)[None]
    before = asking.forward(rows, logits="all").logits
    for step in build(question, asking):
        assert isinstance(step, Progress | Partial | Result)
        assert not any(part._forward_hooks or part._forward_pre_hooks for part in asking.model.module.modules())
    assert torch.equal(asking.forward(rows, logits="all").logits, before)


def test_it_is_asked_as_any_method(engine: Engine, tiny: str, words: Corpus) -> None:
    result = backend.run("neuron_index", model=tiny, sample=words, items=128)
    assert isinstance(result, IndexProgress)
    assert (result.items, result.items_total, result.finished) == (128, 128, True)


def test_a_finished_index_is_looked_for_again_when_asked_again(engine: Engine, tiny: str, words: Corpus) -> None:
    """The result of a run is remembered, but the index may have been removed since."""
    from backend.store.index_file import index_path

    result = backend.run("neuron_index", model=tiny, sample=words, items=128)
    index_path(result.model, result.revision, words).unlink()
    assert open_index(result.model, result.revision, words) is None
    backend.run("neuron_index", model=tiny, sample=words, items=128)
    assert open_index(result.model, result.revision, words) is not None


def test_activations_that_are_no_numbers_are_told(engine: Engine, words: Corpus) -> None:
    catalog.add_language_model(NAME, lambda: tiny_language_model(scale=float("inf")))
    try:
        with pytest.raises(RunError, match=r"Layer mlp\.1: some activations are not finite"):
            backend.run("neuron_index", model=NAME, sample=words, items=128)
    finally:
        del catalog._operator.languages[NAME]


def test_a_corpus_of_the_wrong_kind_is_told(engine: Engine, tiny: str, weights: None) -> None:
    with pytest.raises(RunError, match="holds images; this model reads text"):
        backend.run("neuron_index", model=tiny, sample=corpus("digits"))
    with pytest.raises(RunError, match="holds texts; this model looks at images"):
        backend.run("neuron_index", model="digits-cnn", sample=corpus("documents"))


def test_an_edited_model_is_refused(engine: Engine, tiny: str, words: Corpus) -> None:
    with pytest.raises(RunError, match="has 1 edits"):
        backend.run("neuron_index", model=tiny, sample=words, edits=(ScaleUnits("mlp.0", (1,)),))
    with pytest.raises(RunError, match="collected in float32, not in float64"):
        backend.run("neuron_index", model=tiny, sample=words, dtype="float64")


def test_too_few_items_are_refused(tiny: str, words: Corpus) -> None:
    with pytest.raises(ParameterError, match="Items: 0 is outside 128 to 16384"):
        backend.run("neuron_index", model=tiny, sample=words, items=0)
