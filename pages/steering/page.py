"""Steering: an empty room that says what will be here."""

from __future__ import annotations

from components.room import Promise, room

room(
    question="What moves the model, and at what price?",
    aim="Take a direction in a model's activations, push along it, and see what changes in its answers and what breaks.",
    promises=(
        Promise(
            "explore",
            "Find a direction",
            "From pairs of prompts, from a neuron or from a sparse feature, with the accuracy of a probe at every layer.",
        ),
        Promise(
            "compare_arrows",
            "Compare",
            "Steered, prompted and random: the same prompt with the direction, with plain words, and with a random direction.",
        ),
        Promise(
            "monitoring",
            "Know the price",
            "Effect and fluency against strength, layer by layer, and what else has changed in texts that should have stayed.",
        ),
    ),
    planned=(
        "A small instruction-tuned language model",
        "Mean differences (CAA), G-ACT, RepIt, damping of expert neurons (AurA), removal of a concept (INLP)",
        "Language neurons (LAPE), edits of the output head (EigenShift), features by semi-non-negative matrix factorisation",
        "Every effect beside a random direction of the same norm and beside simply asking",
    ),
    from_saliency="Image saliency already lets you intervene: erase a region of a photo and see the prediction move.",
)
