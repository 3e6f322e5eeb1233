"""What a label's test says, in sentences with every number's control beside it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from backend.markdown import literal
from backend.store.labels import Label
from components.figures.label_test import ScoreRow

Numbers = Mapping[str, Any]
ROWS = (("F1", "f1", "shuffled"), ("precision", "precision", "precision_shuffled"), ("recall", "recall", "recall_shuffled"))
LEADS = {
    "beats the control": "The name holds.",
    "within the control": "Not shown: other units' names do as well.",
    "fails the control": "The name fails: any other unit's name does better.",
}
EFFECTS = {
    "logit": "Given the value it has where the name is true, it raises what it writes by {} logit",
    "loss": "Without that value, the next token's loss where the name is true changes by {} nats",
}
NO_RULE = (
    "No test can match these words. Say with quotes or a class what they stand for (Rename), or rate examples: people can tell."
)


def score_rows(numbers: Numbers) -> list[ScoreRow]:
    """The scores a test has so far."""
    return [
        ScoreRow(name, numbers[key], numbers[f"{key}_low"], numbers[f"{key}_high"], _band(numbers, control))
        for name, key, control in ROWS
        if key in numbers
    ]


def _band(numbers: Numbers, control: str) -> tuple[float, float] | None:
    return (numbers[f"{control}_least"], numbers[f"{control}_most"]) if f"{control}_most" in numbers else None


def verdict_words(numbers: Numbers, finished: bool = True) -> str:
    """The first sentence, Markdown: the verdict once all is measured, F1 with its interval, and what shuffled labels reach."""
    score = f"F1 {numbers['f1']:.2f} ({numbers['f1_low']:.2f} to {numbers['f1_high']:.2f})"
    if "shuffled" not in numbers:
        return f"**Still measuring.** {score}; names of other units follow."
    lead = LEADS[str(numbers["f1_verdict"])] if finished else "Still measuring."
    return f"**{lead}** {score}; names of other units {numbers['shuffled']:.2f}, at most {numbers['shuffled_most']:.2f}."


def effect_words(numbers: Numbers) -> str:
    """What the interchange did, beside other labels and random units; "" where it was not made."""
    parts = []
    for key, words in EFFECTS.items():
        if key not in numbers:
            continue
        value = f"{numbers[key]:+.2f} ({numbers[f'{key}_low']:+.2f} to {numbers[f'{key}_high']:+.2f})".replace("-", "−")
        others = [
            f"{what} {numbers[f'{key}_{name}']:+.2f}".replace("-", "−")
            for name, what in (("shuffled", "other names"), ("random", "random units"))
            if f"{key}_{name}" in numbers
        ]
        parts.append(f"{words.format(value)}{'; ' + ', '.join(others) if others else ''}.")
    return " ".join(parts)


def credit(label: Label) -> str:
    """Who says so, Markdown on one line."""
    votes = f" · {label.agree} agree, {label.disagree} do not" if label.agree or label.disagree else ""
    who = "by machine" if label.source == "machine" else f"by {literal(label.author, 40)}"
    rule = f" · tested as {literal(label.rule, 120)}" if label.rule and label.rule != label.text else ""
    return f"{who}{votes}{rule}"
