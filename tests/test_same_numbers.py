"""Both frameworks train to the same numbers, and each chapter's table says how near.

Each runs in a process of its own and hands its runs over; nothing runs again until the
code, the data or a version changes. The quickest chapter is trained; with ALL=1, all.
"""

import os
from pathlib import Path

import pytest

from benchmarks import chapters, declared
from benchmarks.parity import apart
from pagecode.book import measured
from pagecode.book.data import stand_ins
from pagecode.frameworks import BOTH, selected
from pagecode.prove import inputs, keys, packages, store

ROOT = Path(__file__).parent.parent
QUICKEST = "logistic_regression"
PLACES = {page: measured.place(page, "parity") for page in chapters()}
CHAPTERS = {x: y for x, y in chapters().items() if (ROOT / PLACES[x]).exists()}
ALL = bool(os.environ.get("ALL"))
TRAINED = {x: y for x, y in CHAPTERS.items() if ALL or y == QUICKEST}
STEPS = {"logistic_regression": 1000, "softmax_regression": 2350, "character_rnn": 100}


@pytest.fixture(scope="module", params=TRAINED.items(), ids=TRAINED.values())
def trained(request) -> tuple[str, dict[str, list]]:
    """Train a chapter; return it, and for each bound how far the runs are apart."""
    if BOTH not in selected():
        pytest.skip("needs both frameworks")
    if stand_ins(ROOT):
        pytest.skip("stand-ins are in use: numbers do not count")
    page, chapter = request.param
    files = measured.read(measured.place(page, "parity"), ROOT)["sources"]
    text = [(ROOT / x).read_text("utf-8") for x in files]
    key = f"{keys.digest(text)}-{keys.digest(keys.around())}"
    known = store.Known("parity.json", ROOT).find(key, tuple(text))
    if known:
        return chapter, known["parity"]
    found = apart(chapter)[0]
    loaded = packages.versions({"torch", "tensorflow", "numpy"}, set(), ROOT)
    here = inputs.Here(ROOT)
    data = {name: here.data(name) for name in here.walk}
    used = {"data": data, "packages": loaded}
    store.keep("parity.json", {key: {"parity": found, "used": used}}, ROOT)
    return chapter, found


def test_losses_stay_within_their_bounds_at_every_step(trained) -> None:
    chapter, found = trained
    bounds = declared(chapter).BOUNDS
    assert found.keys() == bounds.keys()
    assert len(bounds) > 0
    for name, (steps, gap, _) in found.items():
        assert steps == STEPS.get(chapter, steps)
        assert gap <= bounds[name]


@pytest.mark.parametrize("page", CHAPTERS)
def test_the_pages_table_is_of_this_code_and_these_bounds(page: str) -> None:
    facts = measured.read(measured.place(page, "parity"), ROOT)
    assert not facts["stale"]
    bounds, (_, *rows) = declared(CHAPTERS[page]).BOUNDS, facts["tables"]["bounds"]
    assert {row[0] for row in rows} == bounds.keys()
    for name, _, losses, bound, weights in rows:
        assert float(losses) <= float(bound) == bounds[name]
        assert float(weights) >= 0
