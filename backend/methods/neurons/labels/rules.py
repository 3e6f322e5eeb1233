"""Rules: labels in words that a test can match against samples, so that nobody has to judge what fits."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

from backend.methods.neurons.labels.token_classes import NAMES
from backend.methods.params import ParameterError

Kind = Literal["words", "after", "context", "class", "seen as"]

_FORMS: dict[Kind, str] = {
    "words": "{}",
    "after": "the token after {}",
    "context": "text with {}",
    "seen as": "images seen as {}",
}
_QUOTED = re.compile(r"[“\"]([^“”\"]+)[”\"]")
_LIST = re.compile(r"[“\"][^“”\"]+[”\"](?:\s*(?:,|or|, or)\s*[“\"][^“”\"]+[”\"])*")
MOST_WORDS = 8


@dataclass(frozen=True)
class Rule:
    """What a label says of a sample.

    kind: "words": a token that ends one of the phrases; "after": the token behind one; "context": every token of a text that
    holds one; "class": a token of the class named; "seen as": an image that the model takes for one of the classes.
    """

    kind: Kind
    words: tuple[str, ...]

    @property
    def text(self) -> str:
        """The rule as people read and write it: `“Monday” or “Tuesday”`, `the token after “of”`, `numbers`."""
        return self.words[0] if self.kind == "class" else _FORMS[self.kind].format(_listed([f"“{word}”" for word in self.words]))

    @property
    def name(self) -> str:
        """The rule as a name that others put in quotes: `Monday or Tuesday`, `the token after “of”`, `numbers`."""
        return _listed(list(self.words)) if self.kind == "words" else self.text


def _listed(words: list[str]) -> str:
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} or {words[-1]}"


def read_rule(text: str) -> Rule:
    """The rule that a text states. Raises ParameterError, which says what can be matched, for any other text."""
    line = " ".join(text.split())
    if line in NAMES:
        return Rule("class", (line,))
    for kind, form in _FORMS.items():
        head = form.removesuffix("{}")
        listed = line.removeprefix(head)
        if line.startswith(head) and _LIST.fullmatch(listed):
            words = tuple(dict.fromkeys(_QUOTED.findall(listed)))
            if len(words) > MOST_WORDS:
                raise ParameterError(f"Label: {len(words)} phrases; the limit is {MOST_WORDS}.")
            return Rule(kind, words)
    raise ParameterError(
        f"Label: {line[:60]!r} is nothing that a test can match. Quote words (“Monday” or “Friday”; the token after “of”; "
        f"text with “calendar”; images seen as “3”), name a class of tokens (such as {', '.join(NAMES[9:12])}), or rate examples."
    )


def is_rule(text: str) -> bool:
    """Whether a text states a rule."""
    try:
        read_rule(text)
    except ParameterError:
        return False
    return True
