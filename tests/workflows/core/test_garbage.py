from __future__ import annotations

import gc
from collections.abc import Iterator
from weakref import ref

import pytest

from workflows.core.garbage import collect_between_pages, page_painted


class Circle:
    def __init__(self) -> None:
        self.itself = self


@pytest.fixture
def _thresholds() -> Iterator[None]:
    before = gc.get_threshold()
    gc.disable()
    yield
    gc.enable()
    gc.set_threshold(*before)


@pytest.mark.usefixtures("_thresholds")
def test_a_painted_page_frees_those_before_where_that_is_left_to_it_and_due() -> None:
    collect_between_pages()
    page = ref(Circle())
    page_painted()
    assert page() is not None
    for _ in range(11):
        gc.collect(1)
    page_painted()
    assert page() is None
