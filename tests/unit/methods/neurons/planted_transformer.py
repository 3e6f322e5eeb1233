"""A Llama-shaped transformer whose neurons are known because they were set by hand.

The residual stream has named coordinates: "in red" is where the embedding of a word stands, "out red" what its unembedding
reads, and others serve single neurons. The whole stream is then turned by a random rotation and every norm gets random gains,
taken back in the weights that read behind it: nothing can be found by looking at single coordinates or by forgetting a gain.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import torch
from tokenizers import Tokenizer
from tokenizers.models import WordLevel
from tokenizers.pre_tokenizers import WhitespaceSplit
from torch import Tensor
from transformers import LlamaConfig, LlamaForCausalLM

START = "<s>"
BLOCKS, NEURONS, HEADS, HEAD_SIZE = 4, 16, 2, 8
SLOW = 3  # the first half of the pair that rotary embeddings turn least
NOISE = 0.02
SPARE = 12  # coordinates, at least, that nothing planted uses
Direction = Mapping[str, float]


@dataclass(frozen=True)
class PlantedNeuron:
    """A neuron by what it reads and writes, in named coordinates; the gate reads what the linear half does unless it is given."""

    block: int
    unit: int
    read: Direction
    write: Direction
    gate: Direction = field(default_factory=dict)

    @property
    def layer(self) -> str:
        return f"mlp.{self.block}"


@dataclass(frozen=True)
class Plan:
    """Words with coordinates of their own, other coordinates, neurons; `fillers` words share one place in the stream.

    null: coordinates the unembedding does not read. parted: the coordinate by which it parts the vocabulary, if any.
    rest: the coordinate by which the head attends to the first token, (block, head, coordinate).
    """

    words: tuple[str, ...]
    neurons: tuple[PlantedNeuron, ...]
    others: tuple[str, ...] = ()
    null: tuple[str, ...] = ()
    parted: str = ""
    rest: tuple[int, int, str] | None = None
    fillers: int = 300
    embedded: Mapping[str, Direction] = field(default_factory=dict)

    @property
    def coordinates(self) -> tuple[str, ...]:
        own = [f"{side} {word}" for side in ("in", "out") for word in self.words]
        named = (*own, f"in {START}", "in filler", *self.others, *self.null)
        return (*named, *(f"spare {number}" for number in range(SPARE + -(len(named) + SPARE) % 16)))

    @property
    def width(self) -> int:
        return len(self.coordinates)

    @property
    def vocabulary(self) -> tuple[str, ...]:
        return (START, *self.words, *(f"w{number}" for number in range(self.fillers)))


def build(plan: Plan, *, seed: int = 0, shuffled: bool = False) -> tuple[LlamaForCausalLM, Tokenizer]:
    """The model and its tokenizer. shuffled: the coordinates of every planted weight vector are put in another order,
    so that lengths stay and meaning goes."""
    return _Builder(plan, seed, shuffled).model(), tokenizer(plan)


def tokenizer(plan: Plan) -> Tokenizer:
    """A word a token, split at spaces."""
    built = Tokenizer(WordLevel({word: number for number, word in enumerate(plan.vocabulary)}, unk_token="w0"))
    built.pre_tokenizer = WhitespaceSplit()
    return built


class _Builder:
    def __init__(self, plan: Plan, seed: int, shuffled: bool) -> None:
        self.plan, self.shuffled = plan, shuffled
        self.generator = torch.Generator().manual_seed(seed)
        self.place = {name: number for number, name in enumerate(plan.coordinates)}
        self.rotation = torch.linalg.qr(self._noise(plan.width, plan.width).double()).Q.float()  # (width, width)

    def model(self) -> LlamaForCausalLM:
        plan = self.plan
        model = LlamaForCausalLM(
            LlamaConfig(
                vocab_size=len(plan.vocabulary), hidden_size=plan.width, intermediate_size=NEURONS, num_hidden_layers=BLOCKS,
                num_attention_heads=HEADS, num_key_value_heads=1, head_dim=HEAD_SIZE, max_position_embeddings=256,
                tie_word_embeddings=False, bos_token_id=0, eos_token_id=None, rms_norm_eps=1e-6,
                rope_parameters={"rope_type": "default", "rope_theta": 1e6},
            )
        ).eval()  # fmt: skip
        with torch.no_grad():
            model.model.embed_tokens.weight.copy_(self._embedding() @ self.rotation)
            model.lm_head.weight.copy_(self._behind(model.model.norm, self._unembedding() @ self.rotation))
            for number, block in enumerate(model.model.layers):
                self._set_mlp(number, block)
                self._set_attention(number, block)
        return model

    def _noise(self, *shape: int) -> Tensor:
        return torch.randn(*shape, generator=self.generator)

    def _behind(self, norm: torch.nn.Module, weights: Tensor) -> Tensor:
        """Draw the norm's gains once, and take them back in weights (rows, width) that read behind it."""
        if bool((norm.weight == 1).all()):
            norm.weight.copy_(0.5 + torch.rand(len(norm.weight), generator=self.generator))
        return weights / norm.weight

    def _vector(self, direction: Direction) -> Tensor:
        vector = torch.zeros(self.plan.width)
        for name, value in direction.items():
            vector[self.place[name]] = value
        return vector

    def _embedding(self) -> Tensor:
        rows = []
        for word in self.plan.vocabulary:
            own = f"in {word}" if f"in {word}" in self.place else "in filler"
            rows.append(self._vector({own: 1.0, **self.plan.embedded.get(word, {})}))
        return torch.stack(rows)  # (vocabulary, width)

    def _unembedding(self) -> Tensor:
        """Fillers are read from everywhere but the null coordinates, little from the words' own; half of them have a plus."""
        rows = self._noise(len(self.plan.vocabulary), self.plan.width) / self.plan.width**0.5
        for name, number in self.place.items():
            rows[:, number] *= 0.0 if name in self.plan.null else 0.2 if name.startswith("out ") else 1.0
        for number, word in enumerate(self.plan.vocabulary):
            if word in self.plan.words:
                rows[number] = 0.2 * rows[number]
                rows[number, self.place[f"out {word}"]] = 1.0
            if self.plan.parted:
                rows[number, self.place[self.plan.parted]] = 0.7 if number % 2 else -0.7
        return rows

    def _planted(self, direction: Direction) -> Tensor:
        turned = self._vector(direction) @ self.rotation
        return turned[torch.randperm(len(turned), generator=self.generator)] if self.shuffled else turned

    def _set_mlp(self, number: int, block: torch.nn.Module) -> None:
        """Neurons that are not planted read the words at random, never what planted ones write for the output."""
        written = torch.tensor([name.startswith("out ") for name in self.plan.coordinates])
        read, gate = ((self._noise(NEURONS, self.plan.width) * ~written) @ self.rotation * NOISE for _ in range(2))
        write = self._noise(NEURONS, self.plan.width) * NOISE
        for neuron in self.plan.neurons:
            if neuron.block == number:
                read[neuron.unit] = 0.25 * self._planted(neuron.read)
                gate[neuron.unit] = 0.25 * self._planted(neuron.gate or neuron.read)
                write[neuron.unit] = self._planted(neuron.write)
        block.mlp.up_proj.weight.copy_(self._behind(block.post_attention_layernorm, read))
        block.mlp.gate_proj.weight.copy_(self._behind(block.post_attention_layernorm, gate))
        block.mlp.down_proj.weight.copy_(write.T)

    def _set_attention(self, number: int, block: torch.nn.Module) -> None:
        """Every head attends evenly and passes the words on, faintly; one turns to the first token where it is told to."""
        queries = NOISE * self._noise(HEADS, HEAD_SIZE, self.plan.width)
        keys = NOISE * self._noise(HEAD_SIZE, self.plan.width)
        if self.plan.rest and self.plan.rest[0] == number:
            _, head, coordinate = self.plan.rest
            queries[head] = 0.0
            queries[head, SLOW] = self._vector({coordinate: 1.0}) @ self.rotation
            keys[SLOW] = self._vector({f"in {START}": 1.0}) @ self.rotation
        values = 0.1 * self._noise(HEAD_SIZE, self.plan.width) @ self.rotation
        values -= (values @ self.rotation.T)[:, [self.place[f"in {START}"]]] * self.rotation[self.place[f"in {START}"]]
        attention, norm = block.self_attn, block.input_layernorm
        attention.q_proj.weight.copy_(self._behind(norm, queries.flatten(0, 1)))
        attention.k_proj.weight.copy_(self._behind(norm, keys))
        attention.v_proj.weight.copy_(self._behind(norm, values))
        attention.o_proj.weight.copy_(NOISE * self._noise(self.plan.width, HEADS * HEAD_SIZE))


def detector(block: int, unit: int, words: Sequence[str], write: Direction) -> PlantedNeuron:
    """A neuron that fires on the words and on no other."""
    return PlantedNeuron(block, unit, {f"in {word}": 1.0 for word in words}, write)


DETECTORS = {("mlp.0", 0): (("red", "green", "blue"), "colour"), ("mlp.0", 1): (("cat", "dog"), "animal")}
"""Of the detectors, the words they fire on and the word they write."""
FUNCTIONS = {
    ("mlp.0", 0): "prediction", ("mlp.0", 1): "prediction", ("mlp.0", 2): "attention deactivation", ("mlp.1", 0): "suppression",
    ("mlp.1", 1): "partition", ("mlp.3", 0): "entropy",
}  # fmt: skip
IO = {
    ("mlp.1", 2): "enrichment", ("mlp.1", 3): "depletion", ("mlp.1", 4): "conditional enrichment",
    ("mlp.1", 5): "conditional depletion", ("mlp.1", 6): "proportional change",
}  # fmt: skip
"""Functional and input-output classes of the neurons planted for them; every other neuron is in neither kind's classes."""
WORDS = (
    "red", "green", "blue", "colour", "cat", "dog", "animal", "stop", "no", "yes", "up", "warm", "cold", "if", "unless",
    "more", "sure",
)  # fmt: skip
PLAN = Plan(
    words=WORDS,
    others=("part", "rest", "c0", "c1", "c2", "c3", "c4", "link"),
    null=("n0", "n1", "n2"),
    parted="part",
    rest=(2, 1, "rest"),
    embedded={"warm": {"c0": 1.0}, "cold": {"c1": 1.0}, "if": {"c2": 1.0}, "unless": {"c3": 1.0}, "more": {"c4": 1.0}},
    neurons=(
        detector(0, 0, ("red", "green", "blue"), {"out colour": 1.0}),
        detector(0, 1, ("cat", "dog"), {"out animal": 1.0}),
        detector(0, 2, ("stop",), {"rest": 1.0}),
        detector(0, 3, ("more",), {"link": 1.0}),
        detector(1, 0, ("no",), {"out yes": -1.0}),
        detector(1, 1, ("up",), {"part": 1.0}),
        PlantedNeuron(1, 2, {"c0": 1.0}, {"c0": 0.5}),
        PlantedNeuron(1, 3, {"c1": 1.0}, {"c1": -0.05}),
        PlantedNeuron(1, 4, {"c2": 1.0}, {"c2": 0.5}, {"in if": 1.0}),
        PlantedNeuron(1, 5, {"c3": 1.0}, {"c3": -0.05}, {"in unless": 1.0}),
        PlantedNeuron(1, 6, {"in more": 1.0}, {"c4": 0.5}, {"c4": 1.0}),
        PlantedNeuron(2, 0, {"link": 1.0}, {"spare 0": 0.5}),
        detector(3, 0, ("sure",), {"n0": 4.0}),
    ),
)
"""Neurons of every class. In the flat order of the MLP layers neuron (l, j) stands at l × NEURONS + j."""

FIRST, SECOND = tuple(f"a{number}" for number in range(16)), tuple(f"b{number}" for number in range(16))


def _speaker(block: int, unit: int, own: Sequence[str], other: Sequence[str]) -> PlantedNeuron:
    """A neuron whose gate opens for one language and closes for the other, and that writes all words of its own."""
    gate = {f"in {word}": 1.0 for word in own} | {f"in {word}": -1.0 for word in other}
    return PlantedNeuron(block, unit, {f"in {word}": 1.0 for word in own}, {f"out {word}": 0.15 for word in own}, gate)


LANGUAGES = {
    "first": (FIRST, (("mlp.0", 0), ("mlp.1", 1), ("mlp.2", 2))), "second": (SECOND, (("mlp.0", 5), ("mlp.1", 6), ("mlp.3", 7))),
}  # fmt: skip
"""Of each language, its words and its neurons."""
TWO_LANGUAGES = Plan(
    words=(*FIRST, *SECOND),
    neurons=(
        *(_speaker(int(layer[-1]), unit, FIRST, SECOND) for layer, unit in LANGUAGES["first"][1]),
        *(_speaker(int(layer[-1]), unit, SECOND, FIRST) for layer, unit in LANGUAGES["second"][1]),
        detector(1, 10, (*FIRST, *SECOND), {"spare 0": 0.2}),
    ),
)
"""Two languages of disjoint words, three neurons for each, and one that fires for both."""


def flat(layer: str, unit: int) -> int:
    """The neuron's place in the flat order of the MLP layers."""
    return int(layer.removeprefix("mlp.")) * NEURONS + unit
