from __future__ import annotations

import gc
from collections.abc import Iterator
from pathlib import Path
from weakref import ref

import pytest

from workflows.core.garbage import collect_between_pages, page_painted
from workflows.core.later import on_demand


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


def test_a_module_is_loaded_without_a_look_at_what_it_makes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "loaded_on_demand").mkdir()
    (tmp_path / "loaded_on_demand" / "module.py").write_text("import gc\nLOOKED_AT = gc.isenabled()\n")
    monkeypatch.syspath_prepend(tmp_path)
    with on_demand():
        from loaded_on_demand import module  # type: ignore[import-not-found]  # noqa: PLC0415 - loaded later
    assert not module.LOOKED_AT
    assert gc.isenabled()
