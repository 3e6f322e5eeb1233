"""The check of token maps: the true shares of a sum beat every random order, their inverse fails, blanks are refused."""

from __future__ import annotations

from itertools import combinations
from typing import Any

import numpy as np
import pytest

from backend.engine.asking import TokenAsking
from backend.evidence.finding import Finding
from backend.evidence.token_orders import LATEST, RANDOM, orders_of, token_counts
from backend.methods.neurons.sentence.token_map import TokenMap
from backend.methods.params import ParameterError
from backend.methods.question import Question, Runs, TokenLogit
from backend.methods.registry import method_named
from backend.methods.steps import Partial, PassCount, Result
from backend.models.loaded import LanguageModel
from tests.unit.methods.neurons.sentence.conftest import question
from tests.unit.methods.neurons.sentence.models import SHARES, TARGET, Bench, bag

TEXT = "w7 w39 w0 w20 w31 w12"
IDS = [7, 39, 0, 20, 31, 12]
SHARE = SHARES[IDS].numpy().astype(np.float32)


def a_map(values: np.ndarray, blank: str | None = None) -> TokenMap:
    words = tuple(f"w{number}" for number in range(len(values)))
    return TokenMap(words, values, TokenLogit(TARGET), len(values) - 1, 1.0, "logit", PassCount(), 0.0, blank=blank)


def steps_of(model: LanguageModel, shown: Any, text: str = TEXT, **params: Any) -> list[Any]:
    """Steps of the check of a map that is known already."""
    run = question("token_gradient", text, TokenLogit(TARGET))
    asked = Question("token_deletion", run.model, Runs((run,)), method_named("token_deletion").params(**params), run.target)
    bench = Bench(model)
    bench.keep(run, shown)
    return list(method_named("token_deletion").run(asked, TokenAsking(asked, bench)))


def check(shown: Any, text: str = TEXT, **params: Any) -> Finding:
    last = steps_of(bag(), shown, text, **params)[-1]
    assert isinstance(last, Result)
    return last.value


def log_probability(words: list[int]) -> float:
    logit = float(SHARES[words].sum())
    return logit - float(np.log(np.exp(logit) + 39))


def test_the_shares_of_a_sum_beat_every_random_order() -> None:
    insertion, deletion = check(a_map(SHARE)).measures
    assert (insertion.name, insertion.better, insertion.verdict) == ("insertion", "more", "beats the control")
    assert (deletion.name, deletion.better, deletion.verdict) == ("deletion", "less", "beats the control")
    assert len(insertion.controls[RANDOM]) == 16
    assert insertion.unit == "log probability"


def test_the_inverted_map_fails() -> None:
    assert [measure.verdict for measure in check(a_map(-SHARE)).measures] == ["fails the control"] * 2


def test_a_map_that_knows_nothing_is_within_the_control() -> None:
    values = np.random.default_rng(2).permutation(SHARE)
    assert "beats the control" not in [measure.verdict for measure in check(a_map(values)).measures]


def test_curves_are_the_log_probabilities_of_what_is_left() -> None:
    finding = check(a_map(SHARE))
    order = [IDS[place] for place in np.argsort(-SHARE)]
    kept = [[3], *(order[:count] for count in range(1, 7))]  # the filler word stands alone where nothing is left
    left = [*(order[count:] for count in range(6)), [3]]
    assert np.allclose(finding.curves["insertion"], [log_probability(words) for words in kept], atol=1e-5)
    assert np.allclose(finding.curves["deletion"], [log_probability(words) for words in left], atol=1e-5)
    assert finding.curves["share"].tolist() == pytest.approx([count / 6 for count in range(7)])
    assert finding.value == pytest.approx(np.trapezoid(finding.curves["insertion"], finding.curves["share"]), abs=1e-5)
    latest = [[3], *([*IDS[6 - count :]] for count in range(1, 7))]
    assert np.allclose(finding.curves[f"insertion/{LATEST}"], [log_probability(words) for words in latest], atol=1e-5)


def test_no_subset_of_its_size_holds_more_than_the_first_tokens_of_the_true_map() -> None:
    curve = check(a_map(SHARE)).curves["insertion"]
    for count in range(1, 6):
        best = max(log_probability(list(words)) for words in combinations(IDS, count))
        assert curve[count] == pytest.approx(best, abs=1e-5)


def test_partial_findings_are_undecided_and_passes_are_within_the_forecast() -> None:
    found = steps_of(bag(), a_map(SHARE), steps=4)
    partial = [step.value for step in found if isinstance(step, Partial)]
    assert partial
    assert all(not measure.controls and np.isnan(measure.value) for measure in partial[0].measures)
    assert all(bool(measure.controls) != bool(np.isnan(measure.value)) for finding in partial for measure in finding.measures)
    params = method_named("token_deletion").params(steps=4)
    assert found[-1].value.passes == method_named("token_deletion").cost(params, None)


@pytest.mark.parametrize(("shown", "words"), [
    (a_map(SHARE * 0, blank="Zero everywhere."), "blank.*Zero everywhere"),
    (a_map(np.full(6, np.nan, np.float32)), "blank"),
    ("no map", "gives no map of tokens"),
])  # fmt: skip
def test_what_puts_tokens_in_no_order_is_refused(shown: Any, words: str) -> None:
    with pytest.raises(ParameterError, match=words):
        check(shown)


def test_two_tokens_are_too_few() -> None:
    with pytest.raises(ParameterError, match="2 tokens .* 3 are needed"):
        check(a_map(SHARE[:2]), "w7 w39")


def test_the_protocol_names_its_numbers() -> None:
    protocol = check(a_map(SHARE), steps=3, orders=5).protocol
    for words in ("The 6 tokens", "3 steps", "5 random orders", "Seed 0"):
        assert words in protocol


@pytest.mark.parametrize("tokens", [2, 3, 40])
def test_random_orders_are_orders_and_never_the_maps_own(tokens: int) -> None:
    values = np.arange(tokens, dtype=np.float32)
    found = orders_of(values, 12, seed=1)
    assert (np.sort(found, axis=1) == np.arange(tokens)).all()
    assert found[0].tolist() == list(range(tokens))[::-1]  # the highest value comes first
    assert not (found[2:] == found[0]).all(axis=1).any()
    assert np.array_equal(found, orders_of(values, 12, seed=1))
    assert tokens < 4 or not np.array_equal(found[2:], orders_of(values, 12, seed=2)[2:])


@pytest.mark.parametrize(("steps", "tokens"), [(10, 3), (10, 10), (10, 37), (2, 512)])
def test_steps_go_from_none_to_all_and_never_stand_still(steps: int, tokens: int) -> None:
    found = token_counts(steps, tokens)
    assert (found[0], found[-1]) == (0, tokens)
    assert (np.diff(found) > 0).all()
    assert len(found) == min(steps, tokens) + 1
