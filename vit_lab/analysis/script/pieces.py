"""How a script is put together from texts, of which only those lines are kept that a run needs.

A text is Python with marks that say what its lines are for, in the words of `vit_lab.analysis.script.facts`:

| mark | meaning |
| --- | --- |
| `x = 1  #? vit !cls` | this line, if all of the words hold, those with `!` do not, and one of `a|b` does |
| `#? vit` ... `#.` | all lines in between; such blocks may stand within one another |
| `$tokens` | what the run has there, as a text |

Functions and classes that nobody asks for are left out, too, and so are imports and settings.
"""

import re
import textwrap
from collections.abc import Collection, Mapping, Sequence
from string import Template

MARK = re.compile(r"^(?P<line>.*?)\s*#\? (?P<words>[^#]+)$")
DEFINED = re.compile(r"^(?:@[^\n]*\n)?(?:def|class) (\w+)", re.MULTILINE)


def chosen(text: str, facts: Collection[str], values: Mapping[str, str]) -> str:
    """The lines of a text that are kept for some facts, with what stands for each `$name` put in."""
    kept, blocks = [], [True]
    for line in _filled(text.strip("\n"), values).splitlines():
        if line.strip() == "#.":
            blocks.pop()
        elif (mark := MARK.match(line)) is None:
            kept += [line.rstrip()] if all(blocks) else []
        elif mark["line"].strip():
            kept += [mark["line"]] if all(blocks) and holds(mark["words"], facts) else []
        else:
            blocks.append(holds(mark["words"], facts))
    assert blocks == [True], "each block has its end"
    return "\n".join(kept)


def holds(words: str, facts: Collection[str]) -> bool:
    """Whether a mark's words are true of some facts."""
    return all(
        any((word.lstrip("!") in facts) != word.startswith("!") for word in one.split("|")) for one in words.split()
    )


def pieces_of(text: str) -> list[str]:
    """What stands at the top of a text, functions, classes and statements, apart by two empty lines."""
    return [piece.strip("\n") for piece in re.split(r"\n{3,}", text) if piece.strip()]


def asked_for(cells: Mapping[str, Sequence[str]]) -> dict[str, list[str]]:
    """The pieces of all cells without those functions and classes that no other piece names."""
    kept = {title: list(pieces) for title, pieces in cells.items()}
    while unused := [
        (title, piece)
        for title, pieces in kept.items()
        for piece in pieces
        if (name := _name_of(piece)) and not any(mentions(other, name) for other in _others(kept, piece))
    ]:
        for title, piece in unused:
            kept[title].remove(piece)
    return kept


def settings(groups: Sequence[Mapping[str, object]], text: str, width: int) -> str:
    """Those constants that a text reads: those of a group share lines of at most so many letters."""
    lines: list[str] = []
    for group in groups:
        names: list[str] = []
        for name in group:
            if mentions(text, name):
                if names and len(_assigned(group, [*names, name])) > width:
                    lines.append(_assigned(group, names))
                    names = []
                names.append(name)
        lines += [_assigned(group, names)] if names else []
    return "\n".join(lines)


def laid_out(cells: Mapping[str, Sequence[str]]) -> str:
    """The cells as one text: around functions and classes stand two empty lines, elsewhere one."""
    text, was_defined = "", False
    for title, pieces in cells.items():
        for place, piece in enumerate(pieces):
            is_defined = _name_of(piece) is not None
            if text:
                text += "\n\n\n" if is_defined or was_defined else "\n\n"
            text += (f"# %% {title}\n" if place == 0 else "") + piece
            was_defined = is_defined
    return text + "\n"


def mentions(text: str, name: str) -> bool:
    """Whether a name stands in a text as a word of its own."""
    return re.search(rf"(?<![\w.]){name}\b", text) is not None


def _filled(text: str, values: Mapping[str, str]) -> str:
    """A value that stands on a line of its own may be several lines, or none."""
    lines = []
    for line in text.splitlines():
        name = line.strip().removeprefix("$")
        if line.strip().startswith("$") and name in values:
            lines += textwrap.indent(values[name], line[: len(line) - len(line.lstrip())]).splitlines()
        else:
            lines.append(Template(line).substitute(values))
    return "\n".join(lines)


def _others(cells: Mapping[str, Sequence[str]], piece: str) -> list[str]:
    return [other for pieces in cells.values() for other in pieces if other is not piece]


def _name_of(piece: str) -> str | None:
    found = DEFINED.match(piece)
    return found[1] if found else None


def _assigned(group: Mapping[str, object], names: Sequence[str]) -> str:
    return f"{', '.join(names)} = {', '.join(_literal(group[name]) for name in names)}"


def _literal(value: object) -> str:
    if isinstance(value, dict):
        return "{" + ", ".join(f'"{name}": {number!r}' for name, number in value.items()) + "}"
    return f'"{value}"' if isinstance(value, str) else repr(value)
