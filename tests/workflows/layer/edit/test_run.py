from __future__ import annotations

from functools import partial
from pathlib import Path

from support.growth import growth

from benchmarks.layer_edit import make_layer, run


def test_an_edit_of_a_hundred_times_as_many_people_takes_no_more_than_as_many_times_as_long(
    tmp_path: Path,
) -> None:
    few, many = (
        make_layer(folder, size, outputs=False)
        for size, folder in ((50, tmp_path / "few"), (5000, tmp_path / "many"))
        if folder.mkdir() is None
    )
    assert growth(partial(run, few), partial(run, many), below=90) < 90
