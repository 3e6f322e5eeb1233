"""Importing this module registers every method and check, torch-free."""

from backend.methods import prediction
from backend.methods.neurons import (
    feature_visualization,
    functional_classes,
    io_functionality,
    neuron_ablation,
    neuron_connections,
    token_projection,
    token_writers,
    unit_activations,
)
from backend.methods.saliency import (
    grad_cam,
    gradient,
    input_x_gradient,
    integrated_gradients,
    occlusion,
    rise,
    smoothgrad,
)

# Pages list methods in order of registration, and checks import some of them.
# isort: split
from backend.evidence import completeness, insertion_deletion, weight_randomisation

__all__ = [
    "completeness", "feature_visualization", "functional_classes", "grad_cam", "gradient", "input_x_gradient",
    "insertion_deletion", "integrated_gradients", "io_functionality", "neuron_ablation", "neuron_connections", "occlusion",
    "prediction", "rise", "smoothgrad", "token_projection", "token_writers", "unit_activations", "weight_randomisation",
]  # fmt: skip
