"""Ridge regression on binary masks with the penalty that generalised cross-validation chooses, and its standard errors."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

PENALTIES = (0.0, *np.logspace(-4, 3, 29))  # of the mean squared singular value


@dataclass(frozen=True)
class Masks:
    """Masks uint8 (rows, components), 1 for kept, and the eigenvectors of their centred products."""

    kept: np.ndarray
    means: np.ndarray
    squares: np.ndarray
    vectors: np.ndarray

    @classmethod
    def of(cls, kept: np.ndarray) -> Masks:
        """Masks made ready for any number of fits."""
        rows, means = len(kept), kept.mean(axis=0, dtype=np.float64)
        products = (kept.astype(np.float32).T @ kept.astype(np.float32)).astype(np.float64) - rows * np.outer(means, means)
        squares, vectors = np.linalg.eigh(products)
        return cls(kept, means, np.clip(squares, 0, None), vectors)

    def toward(self, scores: np.ndarray) -> np.ndarray:
        """The centred masks' products with centred scores, along the eigenvectors, (components,)."""
        centred = scores - scores.mean()
        return np.asarray(self.vectors.T @ (self.kept.astype(np.float64).T @ centred))


@dataclass(frozen=True)
class Fit:
    """weights, standard_errors: float64 (components,). penalty: λ of Σ (score − bias − mask · weights)² + λ |weights|²."""

    weights: np.ndarray
    standard_errors: np.ndarray
    bias: float
    penalty: float

    def predict(self, kept: np.ndarray) -> np.ndarray:
        """The scores of masks (rows, components), float64 (rows,)."""
        return np.asarray(kept.astype(np.float64) @ self.weights + self.bias)


def fit(masks: Masks, scores: np.ndarray, penalty: float | None = None) -> Fit:
    """The linear model of scores (rows,), with the penalty given or the one of least generalised cross-validation error."""
    along = masks.toward(scores)
    total = float(((scores - scores.mean()) ** 2).sum())
    chosen = _best_penalty(masks, along, total) if penalty is None else penalty
    shrunk = _inverse(masks.squares, chosen)
    weights = masks.vectors @ (shrunk * along)
    free = len(masks.kept) - 1 - float((masks.squares * shrunk).sum())
    variance = _residual(masks.squares, shrunk, along, total) / max(free, 1.0)
    errors = np.sqrt(variance * (masks.vectors**2 @ (masks.squares * shrunk**2)))
    return Fit(weights, errors, float(scores.mean() - masks.means @ weights), chosen)


def _best_penalty(masks: Masks, along: np.ndarray, total: float) -> float:
    rows, typical = len(masks.kept), float(masks.squares.mean()) or 1.0
    enough = rows > 1.1 * masks.kept.shape[1] + 1
    found = []
    for share in PENALTIES if enough else PENALTIES[1:]:
        shrunk = _inverse(masks.squares, share * typical)
        free = max(rows - 1 - float((masks.squares * shrunk).sum()), 1e-9)
        found.append((_residual(masks.squares, shrunk, along, total) / free**2, share * typical))
    return min(found)[1]


def _inverse(squares: np.ndarray, penalty: float) -> np.ndarray:
    """1 / (square + penalty), 0 along directions that no mask moves."""
    known = squares > 1e-9 * max(float(squares.max()), 1e-30)
    return np.where(known, 1 / np.where(known, squares + penalty, 1.0), 0.0)


def _residual(squares: np.ndarray, shrunk: np.ndarray, along: np.ndarray, total: float) -> float:
    """The sum of squared residuals of the fit."""
    return max(total - float((along**2 * shrunk * (2 - squares * shrunk)).sum()), 0.0)


def correlation(one: np.ndarray, other: np.ndarray) -> float:
    """Pearson's correlation; 0 where one of the two does not vary."""
    if one.std() == 0 or other.std() == 0:
        return 0.0
    return float(np.corrcoef(one, other)[0, 1])


def fisher_interval(value: float, count: int) -> tuple[float, float]:
    """The 95 % interval of a correlation over `count` pairs, by Fisher's z."""
    middle, half = np.arctanh(np.clip(value, -1 + 1e-12, 1 - 1e-12)), 1.959964 / np.sqrt(max(count - 3, 1))
    return float(np.tanh(middle - half)), float(np.tanh(middle + half))
