"""Candidate labels of a neuron: what its strongest places have in common, and how much rarer that is elsewhere."""

from __future__ import annotations

import math
import re
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

import numpy as np

from backend.methods.neurons.labels.firing import Firing
from backend.methods.neurons.labels.rules import Kind, Rule
from backend.methods.neurons.labels.text_places import TextPlaces
from backend.methods.neurons.labels.token_classes import NAMES, PLACES, WORDS, in_class

SIMILARITY = 0.25  # a cosine's difference of 0.2, which is large, moves a candidate by 0.05
LEAST_SUPPORT = 2  # examples that a rule must hold in
LEAST_SHARE = 0.25  # of the strong places a class must hold
KEPT = {"1": 6, "2": 4, "3": 3, "after": 3, "context": 4}  # most frequent phrases by length, tokens before, words around
MOST_IN_UNION = 6
LEAST_LETTERS = 4  # of a word that names what a text is about
GRAMMAR = (
    "articles", "words for I and we", "words for you", "words for he, she and they", "words for it and this", "question words",
    "forms of to be", "forms of to have", "forms of to do", "modal verbs", "negations", "prepositions", "conjunctions",
)  # fmt: skip
_COMMON = frozenset(word for name in GRAMMAR for word in WORDS[name].split())
_PLAIN = re.compile(r"[^\s“”\"⟨⟩](?:[^\n“”\"⟨⟩]*[^\s“”\"⟨⟩])?")


@dataclass(frozen=True)
class Candidate:
    """A rule that may label a unit.

    share: of the strong places, how many it holds (its recall there). base: of the whole corpus.
    information: pointwise mutual information, log(share / base), in nats.
    expected: the F1 that share, base and the rarity of strong places promise: what precision and recall agree on.
    similarity: how much closer the rule's words are in meaning to the unit's texts than to others, a difference of cosines.
    """

    rule: Rule
    share: float
    base: float
    information: float
    expected: float
    similarity: float = 0.0

    @property
    def score(self) -> float:
        """What candidates are ranked by."""
        return self.expected + SIMILARITY * self.similarity


def candidates(places: TextPlaces, found: Firing) -> Iterator[Candidate]:
    """Every candidate as it is measured: classes of tokens, phrases of one to three tokens, tokens before, words around.

    After the idea of MILAN (Hernandez et al. 2022): a description is good where p(description | strong) is large against
    p(description). MILAN weighs the two by a constant; here the unit's own firing rate does, as in `expected`. What only one
    example has is not told from chance, and left out.
    """
    for rule in (*_classes(places, found), *_phrases(places, found)):
        if _support(places, found, rule) >= min(LEAST_SUPPORT, len(found.peaks)):
            yield _measured(places, found, rule)


def union(places: TextPlaces, found: Firing, known: Iterable[Candidate]) -> Candidate | None:
    """Words joined by “or” as long as that promises more: best first; None where no two are better than one."""
    single = sorted((c for c in known if c.rule.kind == "words"), key=lambda c: -c.expected)
    best = single[0] if single else None
    for other in single[1:]:
        if best is None or len(best.rule.words) >= MOST_IN_UNION:
            break
        joined = _measured(places, found, Rule("words", (*best.rule.words, *other.rule.words)))
        best = joined if joined.expected > best.expected + 1e-6 else best
    return best if best is not None and len(best.rule.words) > 1 else None


def ranked(found: Iterable[Candidate], similarities: dict[Rule, float] | None = None) -> tuple[Candidate, ...]:
    """Candidates from the best down, each rule once, with the similarities of those that have one."""
    unique = {candidate.rule: candidate for candidate in found}
    close = similarities or {}
    known = [replace(candidate, similarity=close.get(candidate.rule, 0.0)) for candidate in unique.values()]
    return tuple(sorted(known, key=lambda candidate: (-candidate.score, candidate.base, candidate.rule.text)))


def expected_f1(share: float, base: float, rate: float) -> float:
    """F1 of a rule that holds `share` of the places above a threshold, where `rate` of all lie above it and `base` obey it."""
    precision = min(1.0, share * rate / base) if base else 0.0
    return 2 * precision * share / (precision + share) if share else 0.0


def _measured(places: TextPlaces, found: Firing, rule: Rule) -> Candidate:
    share = float(found.weights[places.true_at(rule)[found.places]].sum())
    base = places.share(rule)
    information = math.log(share / base) if share and base else 0.0
    return Candidate(rule, share, base, information, expected_f1(share, base, found.share))


def _support(places: TextPlaces, found: Firing, rule: Rule) -> int:
    return len(np.unique(found.example[places.true_at(rule)[found.places]]))


def _classes(places: TextPlaces, found: Firing) -> Iterator[Rule]:
    texts = [places.pieces[number] for number in places.of_token[found.places]]
    for name in NAMES:
        if name in PLACES or sum(found.weights[[in_class(name, text) for text in texts]]) >= LEAST_SHARE:
            yield Rule("class", (name,))


def _phrases(places: TextPlaces, found: Firing) -> Iterator[Rule]:
    counts: dict[str, dict[str, float]] = {name: defaultdict(float) for name in KEPT}
    for place, weight in zip(found.places.tolist(), found.weights.tolist(), strict=True):
        for length in (1, 2, 3):
            counts[str(length)][_phrase(places, place, length)] += weight
        counts["after"][_phrase(places, place - 1, 1)] += weight
    for peak in found.peaks.tolist():
        for word in set(re.findall(r"[^\W\d_]+", places.window(peak).lower())) - _COMMON:
            counts["context"][word if len(word) >= LEAST_LETTERS else ""] += 1 / len(found.peaks)
    for name, most in KEPT.items():
        kind: Kind = "words" if name.isdigit() else "after" if name == "after" else "context"
        likely = sorted(filter(None, counts[name]), key=lambda text: -counts[name][text])
        yield from (Rule(kind, (text,)) for text in likely[:most])


def _phrase(places: TextPlaces, place: int, length: int) -> str:
    """The tokens that end at a place as a phrase; "" where they leave the text or are nothing a label could quote."""
    low = place - length + 1
    if low < 0 or places.item_of[low] != places.item_of[place]:
        return ""
    pieces = [places.pieces[number] for number in places.of_token[low : place + 1]]
    text = "".join(pieces).strip()
    return text if all(map(str.strip, pieces)) and _PLAIN.fullmatch(text) and len(text) <= 40 else ""
