"""What many ask for at the same time is read once, for a while."""

import threading
import time

import pytest

from vit_lab.ui.serving.lately import Lately


def test_it_is_read_once_and_again_when_it_is_old():
    numbers = iter(range(9))
    lately = Lately(lambda key: (key, next(numbers)), 0.2)
    assert [lately("a"), lately("a"), lately("b")] == [("a", 0), ("a", 0), ("b", 1)]
    time.sleep(0.25)
    assert lately("a") == ("a", 2)
    lately.clear()
    assert lately("a") == ("a", 3)


def test_it_holds_so_much_and_no_error():
    asked = []
    lately = Lately(lambda key: asked.append(key) or 1 / key, 60, most=2)
    for key in (1, 2, 3, 2, 1):
        lately(key)
    assert asked == [1, 2, 3, 1]
    for _ in range(2):
        with pytest.raises(ZeroDivisionError):
            lately(0)


def test_many_may_ask_while_it_grows_old():
    lately, found = Lately(lambda: "x", 0.0005), []
    threads = [threading.Thread(target=lambda: found.extend(lately() for _ in range(2_000))) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == ["x"] * 8_000
