"""Language activation probability entropy: which neurons fire for few languages."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Chosen:
    """entropy: float32 (neurons,), nats. bar: the firing rate at the quantile. assigned: bool (neurons, languages)."""

    entropy: np.ndarray
    bar: float
    assigned: np.ndarray


def language_specific(firing: np.ndarray, share: float, quantile: float) -> Chosen:
    """The neurons of lowest entropy over languages, from firing rates (neurons, languages).

    Tang et al. (2024), as in the code of Language Arithmetics (identify.py): firing rates are normalised over languages;
    neurons that pass the quantile of all rates in no language are left out; of the rest the `share` of all neurons with the
    lowest entropy is kept; each stands for the languages in which it passes the quantile. Fewer are kept where fewer pass.
    """
    rates = firing.astype(np.float64)
    totals = rates.sum(axis=1, keepdims=True)
    normed = np.divide(rates, totals, out=np.zeros_like(rates), where=totals > 0)
    logs = np.log(normed, out=np.zeros_like(normed), where=normed > 0)
    entropy = -(normed * logs).sum(axis=1)
    bar = float(np.partition(rates.ravel(), _rank(rates.size, quantile))[_rank(rates.size, quantile)])
    passing = (rates > bar).any(axis=1)
    order = np.argsort(np.where(passing, entropy, np.inf), kind="stable")
    kept = order[: min(round(share * len(rates)), int(passing.sum()))]
    assigned = np.zeros(rates.shape, dtype=bool)
    assigned[kept] = rates[kept] > bar
    return Chosen(entropy.astype(np.float32), bar, assigned)


def _rank(size: int, quantile: float) -> int:
    """The place of the quantile among sorted values, counted from 0, as `kthvalue(round(size · quantile))` counts from 1."""
    return min(max(round(size * quantile) - 1, 0), size - 1)


def random_like(chosen: np.ndarray, free: np.ndarray, counts: tuple[int, ...], generator: np.random.Generator) -> np.ndarray:
    """Random neurons, bool (neurons,): in every layer as many as chosen (neurons,), out of the free ones (neurons,).

    counts: neurons of each layer. Where a layer has too few free ones, all of them.
    """
    drawn, start = np.zeros(len(chosen), dtype=bool), 0
    for count in counts:
        places = np.flatnonzero(free[start : start + count]) + start
        wanted = min(int(chosen[start : start + count].sum()), len(places))
        drawn[generator.choice(places, wanted, replace=False)] = True
        start += count
    return drawn
