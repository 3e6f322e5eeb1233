"""What the card's sections read out of results: the right row, the right sign, the right words."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from backend.data.frames import Preprocess, frame
from backend.methods.neurons.neuron_connections import Connection, NeuronConnections
from backend.methods.neurons.neuron_tokens import NeuronTokens
from backend.methods.neurons.unit import Unit, read_unit
from backend.methods.question import Corpus, ModelRef
from backend.models.card import UnitLayer
from backend.models.catalog import entry
from backend.store.index_file import Manifest
from backend.store.labels import Label
from backend.store.unit_index import UnitIndex
from pages.neurons.card import in_layer, title
from pages.neurons.connected import HEADS, NEURONS, after, before
from pages.neurons.fires import share
from pages.neurons.image_examples import padded
from pages.neurons.scene import Scene
from pages.neurons.view import View
from pages.neurons.writes import in_words, strongest

LAYERS = (UnitLayer("mlp.0", 2, "neuron"), UnitLayer("mlp.1", 2, "neuron"))


def _tokens() -> NeuronTokens:
    tokens, logits = np.arange(10, dtype=np.int32), np.linspace(2, 1, 10, dtype=np.float32)
    return NeuronTokens("mlp.1", 0, tokens, logits, tokens + 1000, -logits, np.array([0.5, 0.25], np.float32))


def test_tokens_run_from_most_raised_to_most_lowered() -> None:
    rows = strongest(_tokens())
    assert [token for token, _ in rows] == [0, 1, 2, 3, 4, 1002, 1001, 1000]
    logits = [logit for _, logit in rows]
    assert logits == sorted(logits, reverse=True)
    assert logits[-1] == pytest.approx(-2.0)


def test_tokens_are_told_beside_what_chance_gives() -> None:
    assert in_words(_tokens()).endswith("shuffled 2 times, the strongest token is at ±0.25 to ±0.50: 8 of these stand out.")
    usual = replace(_tokens(), chance=np.array([1.95, 3.0], np.float32))
    assert in_words(usual).endswith("±1.95 to ±3.00: none of these stands out.")
    assert in_words(replace(usual, chance=np.array([1.95], np.float32))).endswith("2 of these stand out.")


def _connections() -> NeuronConnections:
    near = tuple(Connection("mlp.3", number, "gate", 0.5 - 0.1 * number) for number in range(8))
    heads = (Connection("attention.2", 1, "input", 0.4),) * 3
    against = (Connection("mlp.9", 5, "input", -0.3),)
    return NeuronConnections("mlp.5", 7, near, against, heads, (), (0.15, 0.05), (0.14, 0.06))


def test_connections_are_told_side_by_side_with_what_chance_gives() -> None:
    found, later = before(_connections()), after(_connections())
    assert (len(found), len(later)) == (NEURONS + HEADS, 1)
    assert found[0].how == "feeds its gate"
    assert (found[0].shown, found[0].chance) == ("+0.50", 0.15)
    assert (found[NEURONS].shown, found[NEURONS].chance) == ("0.40", 0.05)
    assert (later[0].how, later[0].shown, later[0].chance) == ("reads its opposite by its input", "−0.30", 0.14)


def _scene(unit: str, layers: tuple[UnitLayer, ...]) -> Scene:
    """A scene without a model: what the link says, and the layers where they are known."""
    corpus = Corpus("digits", "")
    manifest = Manifest(
        "digits-cnn", "", corpus, layers, items=0, items_total=0, available=0, positions_of=(), finished=False, seed=0
    )
    index = UnitIndex(manifest, {}) if layers else None
    known = read_unit(unit, layers) if layers else None
    return Scene(View(unit=unit), None, entry("digits-cnn"), ModelRef("digits-cnn"), None, index, known, None, ())


def _label(text: str) -> Label:
    return Label("id", Unit("mlp.0", 1), text, "", "someone", "people", "", 0.0, 0.0, 1)


def test_the_title_is_the_label_in_quotes_once() -> None:
    scene = _scene("mlp.0:1", LAYERS)
    assert title(scene, _label("weekdays")) == "“weekdays”"
    assert title(scene, _label("“home” or “stay”")) == "“home” or “stay”"


@pytest.mark.parametrize(
    ("unit", "layer", "words"),
    [
        ("mlp.17:842", UnitLayer("mlp.17", 1536, "neuron"), "L17 · N842"),
        ("attention.3:5", UnitLayer("attention.3", 9, "head"), "L3 · head 5"),
        ("stage2:3", UnitLayer("stage2", 32, "channel"), "stage2 · channel 3"),
    ],
)
def test_without_a_label_the_title_is_the_unit_and_the_same_while_the_model_loads(
    unit: str, layer: UnitLayer, words: str
) -> None:
    assert title(_scene(unit, (layer,)), None) == words
    assert title(_scene(unit, ()), None) == words


def test_a_unit_opened_from_no_list_is_stepped_through_its_layer() -> None:
    layer = UnitLayer("mlp.0", 3, "neuron")
    first, middle, last = (in_layer(Unit("mlp.0", number), layer) for number in range(3))
    assert first is not None
    assert middle is not None
    assert last is not None
    assert (first.before, first.after, first.number, first.total) == ("", "mlp.0:1", 1, 3)
    assert (middle.before, middle.after) == ("mlp.0:0", "mlp.0:2")
    assert (last.before, last.after) == ("mlp.0:1", "")
    assert in_layer(None, layer) is None


@pytest.mark.parametrize(
    ("value", "words"),
    [(0.0123, "1.2 %"), (0.5, "50 %"), (0.000312, "0.031 %"), (0.9962, "99.6 %"), (1.0, "100 %"), (0.0, "0 %")],
)
def test_shares_keep_two_digits(value: float, words: str) -> None:
    assert share(value) == words


@pytest.mark.parametrize(
    "preprocess", [Preprocess(224, 224, 256, (127.0,) * 3, (128.0,) * 3), Preprocess(8, 8, 8, (78.0,), (96.0,))]
)
def test_a_kept_picture_is_framed_by_the_model_as_it_was_indexed(preprocess: Preprocess) -> None:
    from PIL import Image as Picture

    pixels = np.random.default_rng(0).integers(0, 256, (preprocess.height, preprocess.width, preprocess.channels), dtype=np.uint8)
    again = frame(Picture.fromarray(padded(pixels, preprocess).squeeze()), preprocess)
    np.testing.assert_array_equal(again, pixels)
