"""Both frameworks train to the same numbers, and the page's table says how near.

Each runs in a process of its own and hands its runs over; nothing runs again until the
code, the data or a version changes.
"""

import hashlib
import json
from pathlib import Path

import pytest

from benchmarks.parity import BOUNDS, run_both, sources
from pagecode.book import measured
from pagecode.book.data import stand_ins
from pagecode.frameworks import BOTH, selected
from pagecode.prove import keys, store
from snippets.same_numbers.compare import differences

ROOT = Path(__file__).parent.parent


@pytest.fixture(scope="module")
def apart() -> dict[str, list]:
    """Train; return for each model how far losses and weights are apart."""
    if BOTH not in selected():
        pytest.skip("needs both frameworks")
    if stand_ins(ROOT):
        pytest.skip("stand-ins are in use: numbers do not count")
    around = json.dumps(keys.surroundings(ROOT), sort_keys=True)
    files = {*sources(), *measured.imported(["snippets.same_numbers.runs"], ROOT)}
    text = around + "".join((ROOT / x).read_text("utf-8") for x in sorted(files))
    key = hashlib.sha256(text.encode()).hexdigest()
    found = store.stamps(ROOT).get(key)
    if not found:
        runs, others = run_both("snippets.same_numbers.runs")
        found = {"parity": {}}
        for name, run in runs.items():
            gaps, weights = differences(run, others[name])
            found["parity"][name] = [len(gaps), float(gaps.max()), float(weights)]
        store.keep(key, found, ROOT)
    return found["parity"]


def test_every_model_is_compared(apart: dict[str, list]) -> None:
    assert apart.keys() == BOUNDS.keys()
    steps = {"logistic regression": 1000, "softmax regression": 2350}
    for name, (count, _, _) in apart.items():
        assert count == steps.get(name.split(",")[0], 100)


@pytest.mark.parametrize("name", BOUNDS)
def test_losses_stay_within_their_bound(apart: dict[str, list], name: str) -> None:
    _, gap, _ = apart[name]
    assert gap <= BOUNDS[name]


def test_the_pages_table_is_of_this_code_and_these_bounds() -> None:
    facts = measured.read("parity", ROOT)
    _, *rows = facts["tables"]["bounds"]
    assert {row[0] for row in rows} == BOUNDS.keys()
    for name, _, losses, bound, weights in rows:
        assert float(losses) <= float(bound) == BOUNDS[name]
        assert float(weights) >= 0
