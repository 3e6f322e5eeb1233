"""What the engine refuses before it runs a question, and how it words a failure."""

from __future__ import annotations

from backend.limits import PROMPT_CHARACTERS
from backend.methods.params import ParameterError, check
from backend.methods.question import Contrast, Prompt, Question, Runs, TokenLogit
from backend.methods.registry import method_named

LARGEST_SEED = 2**31 - 1


def check_question(question: Question) -> None:
    """Raise ParameterError where the question does not fit its method, as far as that shows without the model."""
    chosen = method_named(question.method)
    if type(question.params) is not chosen.params:
        raise ParameterError(f"{chosen.title} takes {chosen.params.__name__}, not {type(question.params).__name__}")
    check(question.params)
    if not isinstance(question.inputs, chosen.inputs) or question.inputs == Runs(()):
        raise ParameterError(f"{chosen.title} is asked of {chosen.asked_of}.")
    if isinstance(question.inputs, Prompt):
        check_prompt(question.inputs)
    if chosen.targets and not isinstance(question.target, chosen.targets):
        raise ParameterError(f"{chosen.title} needs a target: a class, or one class against another")
    if not 0 <= question.seed <= LARGEST_SEED:
        raise ParameterError(f"Seed: {question.seed} is outside 0 to {LARGEST_SEED}.")


def check_prompt(prompt: Prompt) -> None:
    """Raise ParameterError where the text is empty or longer than any model here reads."""
    if not prompt.text.strip():
        raise ParameterError("The prompt is empty; type at least one word.")
    if len(prompt.text) > PROMPT_CHARACTERS:
        raise ParameterError(f"The prompt has {len(prompt.text):,} characters; the limit is {PROMPT_CHARACTERS:,}.")


def check_target(question: Question, outputs: int) -> None:
    """Raise ParameterError where the target names a class or token the model does not have, or a class against itself."""
    target = question.target
    if target is None:
        return
    indices = [target.index, target.against] if isinstance(target, Contrast) else [target.index]
    for index in indices:
        if not 0 <= index < outputs:
            what, of = ("Token", "vocabulary") if isinstance(target, TokenLogit) else ("Class", "classes")
            raise ParameterError(f"{what} {index} is outside 0 to {outputs - 1}, the {of} of {question.model.name}.")
    if len(set(indices)) < len(indices):
        raise ParameterError(f"Class {target.index} against itself is zero everywhere; choose another.")


def told(error: Exception) -> tuple[str, str]:
    """Reason and hint for the user. An error nobody worded for them is called a defect."""
    worded = isinstance(error, ValueError | LookupError | OSError) and not isinstance(error, KeyError | IndexError)
    if worded and str(error):
        return str(error), ""
    if type(error).__name__ == "OutOfMemory":
        return str(error), "Close other programs, or choose a smaller model."
    return f"{type(error).__name__}: {error}", "This is a defect of Vitrine; the log has the details."
