"""Both frameworks train to the same numbers, and the page's table says how near.

Each runs in a process of its own and hands its runs over; nothing runs again until the
code, the data or a version changes.
"""

from pathlib import Path

import pytest

from benchmarks.parity import BOUNDS, run_both, sources
from pagecode.book import measured
from pagecode.book.data import stand_ins
from pagecode.frameworks import BOTH, selected
from pagecode.prove import inputs, keys, store
from snippets.same_numbers.compare import differences

ROOT = Path(__file__).parent.parent


@pytest.fixture(scope="module")
def apart() -> dict[str, list]:
    """Train; return for each model how far losses and weights are apart."""
    if BOTH not in selected():
        pytest.skip("needs both frameworks")
    if stand_ins(ROOT):
        pytest.skip("stand-ins are in use: numbers do not count")
    files = {*sources(), *measured.imported(["snippets.same_numbers.runs"], ROOT)}
    text = [(ROOT / x).read_text("utf-8") for x in sorted(files)]
    key = f"{keys.digest(text)}-{keys.digest(keys.around())}"
    known = store.Known("parity.json", ROOT).find(key, tuple(text))
    if known:
        return known["parity"]
    found = {}
    runs, others = run_both("snippets.same_numbers.runs")
    for name, run in runs.items():
        gaps, weights = differences(run, others[name])
        found[name] = [len(gaps), float(gaps.max()), float(weights)]
    packages = inputs.versions({"torch", "tensorflow", "numpy"}, ROOT)
    used = {"data": inputs.everything(ROOT)["data"], "packages": packages}
    store.keep("parity.json", {key: {"parity": found, "used": used}}, ROOT)
    return found


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
