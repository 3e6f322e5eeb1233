"""Circuits: an empty room that says what will be here."""

from __future__ import annotations

from components.room import Promise, room

room(
    question="Which parts carry the answer?",
    aim="Take two prompts that differ in one word and find the heads, blocks and edges that make the model answer differently.",
    promises=(
        Promise(
            "account_tree",
            "See it form",
            "A graph with one place for every head and block, drawn while edges are scored; press one to see its work.",
        ),
        Promise(
            "query_stats",
            "Prove it",
            "Faithfulness against the size of the circuit, beside random circuits of the same size and beside exact patching.",
        ),
        Promise(
            "content_cut",
            "Cut it",
            "Ablate a head, an edge or the whole circuit, and see what the model answers without it.",
        ),
    ),
    planned=(
        "A small language model, and toy transformers whose circuits are known",
        "Edge attribution patching (EAP, EAP-IG), AtP*, RelP, and activation patching as the measure of all three",
        "Induction heads, self-repair by layer, the overlap of two circuits",
        "Neuron paths in vision transformers and component attribution (COAR) for image models",
    ),
    from_saliency="Image saliency asks the same question of pixels: what speaks for an answer, and does it without the rest?",
)
