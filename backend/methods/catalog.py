"""Importing this module registers every method and check, torch-free."""

from backend.methods import prediction
from backend.methods.neurons import (
    attention_view,
    feature_visualization,
    functional_classes,
    io_functionality,
    logit_lens,
    neuron_ablation,
    neuron_connections,
    token_gradient,
    token_ig,
    token_occlusion,
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
from backend.evidence import completeness, insertion_deletion, token_deletion, weight_randomisation

__all__ = [
    "attention_view", "completeness", "feature_visualization", "functional_classes", "grad_cam", "gradient", "input_x_gradient",
    "insertion_deletion", "integrated_gradients", "io_functionality", "logit_lens", "neuron_ablation", "neuron_connections",
    "occlusion", "prediction", "rise", "smoothgrad", "token_deletion", "token_gradient", "token_ig", "token_occlusion",
    "token_projection", "token_writers", "unit_activations", "weight_randomisation",
]  # fmt: skip
