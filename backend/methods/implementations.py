"""Importing this module registers every sweep, and so loads torch: the engine's warm-up does it first."""

from backend.evidence.sweeps import order_curves
from backend.methods.saliency.sweeps import alpha_path, hooked_gradient, noise, random_masks, windows

__all__ = ["alpha_path", "hooked_gradient", "noise", "order_curves", "random_masks", "windows"]
