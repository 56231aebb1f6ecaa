"""How a script is put together from texts: lines by their marks, functions by who names them."""

import pytest

from vit_lab.analysis.script.pieces import asked_for, chosen, holds

TEXT = """
always = 1
pre = $number  #? pre
#? post|none !final
several = 2
more = 3 #? none
#.
"""


@pytest.mark.parametrize(
    ("facts", "kept"),
    [
        ({"pre"}, "always = 1\npre = 7"),
        ({"post"}, "always = 1\nseveral = 2"),
        ({"none"}, "always = 1\nseveral = 2\nmore = 3"),
        ({"none", "final"}, "always = 1"),
    ],
)
def test_lines_are_kept_by_their_marks(facts, kept):
    assert chosen(TEXT, facts, {"number": "7"}) == kept


def test_all_words_of_a_mark_must_hold():
    assert holds("a !b", {"a"}) and holds("a|b c", {"b", "c"})
    assert not holds("a !b", {"a", "b"}) and not holds("a b", {"a"})


def test_functions_that_nobody_names_go_and_what_only_they_name():
    cells = {
        "one": ["def used():\n    return 1", "def lost():\n    return other()"],
        "two": ["def other():\n    pass", "used()"],
    }
    assert asked_for(cells) == {"one": ["def used():\n    return 1"], "two": ["used()"]}
