"""Neurons: an empty room that says what will be here."""

from __future__ import annotations

from components.room import Promise, room

room(
    question="Which units do what?",
    aim="Take one channel, neuron or head and find out what makes it fire, what it writes, and whether its name is right.",
    promises=(
        Promise(
            "search",
            "Find a unit",
            "By meaning, by the token it writes, by a prompt or a region of a photo that makes it fire, by likeness.",
        ),
        Promise(
            "fact_check",
            "Test its name",
            "Precision and recall of a label on examples it has not seen, beside the same numbers for shuffled labels.",
        ),
        Promise(
            "tune",
            "Change it",
            "Ablate, clamp or scale the unit and see the prediction move, beside a random unit changed as much.",
        ),
    ),
    planned=(
        "Channels of the image models you can choose now; MLP neurons of a small language model",
        "Strongest examples, firing density, the tokens a neuron promotes and suppresses",
        "Conductance, activation maximisation, concepts by matrix factorisation (CRAFT), neuron coverage (NAC)",
        "Labels by mutual information (MILAN), ratings by people, families of neurons that recur between models",
    ),
    from_saliency="Image saliency shows where in a photo an answer comes from; from there a region will lead here.",
)
