"""Importing this module registers every method and check, torch-free."""

from backend.methods import prediction
from backend.methods.saliency import (
    grad_cam,
    gradient,
    input_x_gradient,
    integrated_gradients,
    occlusion,
    rise,
    smoothgrad,
)

__all__ = [
    "grad_cam", "gradient", "input_x_gradient", "integrated_gradients", "occlusion", "prediction", "rise", "smoothgrad",
]  # fmt: skip
