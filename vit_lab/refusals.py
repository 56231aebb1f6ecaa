"""What a field of a config may be, and how a value that cannot be is refused: in words, with what would work."""

from collections.abc import Iterable, Sequence
from difflib import get_close_matches
from typing import Any

from pydantic import BaseModel
from pydantic_core import PydanticCustomError


def one_of(choices: Sequence[Any], word: str = "or") -> str:
    """'1, 2, 4 or 7'"""
    names = [str(choice) for choice in choices]
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} {word} {names[-1]}"


def near_miss(word: str, choices: Iterable[str]) -> str:
    """What somebody who mistyped a word may have meant, as the end of a sentence; empty if nothing is like it."""
    found = get_close_matches(word.strip().lower()[:40], list(choices), 1, cutoff=0.7)
    return f"; did you mean {found[0]}?" if found else ""


def divisors(whole: int) -> list[int]:
    """What divides a number, from 1 up to the number itself."""
    return [n for n in range(1, whole + 1) if whole % n == 0]


def bounds_of(model: type[BaseModel], field: str) -> tuple[float, float]:
    """Smallest and largest value of a numeric field, whether it may be reached or not; open ends are infinite."""
    rules = model.model_fields[field].metadata
    lows = [float(getattr(rule, name)) for rule in rules for name in ("ge", "gt") if hasattr(rule, name)]
    highs = [float(getattr(rule, name)) for rule in rules for name in ("le", "lt") if hasattr(rule, name)]
    return max(lows, default=float("-inf")), min(highs, default=float("inf"))


def refusal(field: str, message: str) -> PydanticCustomError:
    """What a validator raises; `vit_lab.settings` tells it as it stands, after the name of the field."""
    return PydanticCustomError("refused", "{message}", {"field": field, "message": message})


def not_a_divisor(model: BaseModel, field: str, whole_field: str) -> PydanticCustomError:
    """The refusal of a field that must divide another of the same model."""
    size, whole, (_, most) = getattr(model, field), getattr(model, whole_field), bounds_of(type(model), field)
    fitting = one_of([n for n in divisors(whole) if n <= most])
    return refusal(field, f"{size} does not divide {whole_field} {whole}; choose {fitting}")
