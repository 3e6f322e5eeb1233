"""Importing this module registers every method and check, torch-free."""

from backend.methods import prediction
from backend.methods.neurons import (
    activation_coverage,
    attention_view,
    component_attribution,
    conductance,
    coverage_profile,
    feature_visualization,
    functional_classes,
    io_functionality,
    label_neuron,
    label_search,
    language_neurons,
    logit_lens,
    neuron_ablation,
    neuron_connections,
    neuron_index,
    neuron_tokens,
    receptive_field,
    snmf_features,
    test_label,
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
    "activation_coverage", "attention_view", "completeness", "component_attribution", "conductance", "coverage_profile",
    "feature_visualization", "functional_classes", "grad_cam", "gradient", "input_x_gradient", "insertion_deletion",
    "integrated_gradients", "io_functionality", "label_neuron", "label_search", "language_neurons", "logit_lens",
    "neuron_ablation", "neuron_connections", "neuron_index", "neuron_tokens", "occlusion", "prediction", "receptive_field",
    "rise", "smoothgrad", "snmf_features", "test_label", "token_deletion", "token_gradient", "token_ig", "token_occlusion",
    "token_projection", "token_writers", "unit_activations", "weight_randomisation",
]  # fmt: skip
