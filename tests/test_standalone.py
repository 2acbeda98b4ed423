"""A block's stand-alone program keeps what the block needs, and drops the rest."""

import contextlib
import io
from textwrap import dedent

import pytest

from pagecode.frameworks import selected
from pagecode.give.slices import Slicer
from pagecode.read.page import Block


def code(*blocks: str) -> str:
    """Return the stand-alone program of the last of these blocks."""
    read = [Block("page", dedent(x).strip("\n").split("\n"), None) for x in blocks]
    return Slicer(read).code(len(read) - 1)


def printed(text: str) -> str:
    """Run a program in an empty namespace; return what it prints last."""
    out = io.StringIO()
    with contextlib.redirect_stdout(out):
        exec(compile(text, "program", "exec"), {"__name__": "__main__"})
    return out.getvalue().split("\n")[-2]


DROPPED = [
    pytest.param(["import os, re", "print(1)"], "import", id="unused import"),
    pytest.param(["def f():\n    return 1", "print(1)"], "def f", id="function"),
    pytest.param(["class C:\n    pass", "print(1)"], "class C", id="class"),
    pytest.param(["N = 1", "print(1)"], "N = 1", id="constant"),
    pytest.param(
        ["import random", "def f():\n    random.seed(1)", "print(random.random() < 1)"],
        "def f",
        id="function that would set state",
    ),
    pytest.param(["x = len('abc')", "print(1)"], "x =", id="run"),
    pytest.param(["x = [1]", "print(x)", "print(x[0])"], "print(x)\n", id="print"),
    pytest.param(["x = 1", "x = 2", "print(x)"], "x = 1", id="overwritten"),
    pytest.param(
        ["def f(w):\n    w = w + 1\n    return w", "w = f(3)", "print(f(1))"],
        "w = f(3)",
        id="run under a name that a function has as its own",
    ),
    pytest.param(
        ["x = [1]", "def f(v):\n    return sum(v)", "y = f(x)", "print(x)"],
        "y = f(x)",
        id="function that only reads",
    ),
    pytest.param(
        ["import math", "a = [math.pi]\nb = [math.e]", "a.append(1)", "print(b)"],
        "a.append",
        id="change of what came from the same module",
    ),
    pytest.param(
        [
            "x = [1]\nlog = []",
            "def f(a, b):\n    a.append(len(b))",
            "f(log, x)",
            "print(x)",
        ],
        "f(log, x)",
        id="function that changes another argument",
    ),
    pytest.param(
        [
            "import operator",
            "model = operator.itemgetter(0)",
            "y = model([3])",
            "print(model([4]))",
        ],
        "y = model([3])",
        id="call of an object that a library made",
    ),
    pytest.param(
        [
            "import operator",
            "def make(n):\n    return operator.itemgetter(n)",
            "model = make(0)",
            "y = model([3])",
            "print(model([4]))",
        ],
        "y = model([3])",
        id="call of an object that a function without functions made",
    ),
]

KEPT = [
    pytest.param(
        ["def f():\n    return N", "N = 1", "print(f())"],
        "N = 1",
        id="constant that a function above it names",
    ),
    pytest.param(
        ["f = lambda: g()", "def g():\n    return 1", "print(f())"],
        "def g",
        id="function that a lambda above it calls",
    ),
    pytest.param(
        [
            "x = [1]",
            "class C:\n    def read(self):\n        return 1\n\n"
            "    def __init__(self, items):\n        items.append(2)",
            "c = C(x)",
            "print(x)",
        ],
        "c = C(x)",
        id="constructor that changes what it is given",
    ),
    pytest.param(["import re", "print(re.escape('.'))"], "import re", id="import"),
    pytest.param(
        ["N = 2", "def f():\n    return N", "print(f())"], "N = 2", id="global"
    ),
    pytest.param(
        ["N = 2", "def g():\n    return N", "def f():\n    return g()", "print(f())"],
        "N = 2",
        id="global of a function of a function",
    ),
    pytest.param(
        ["N = 2", "def f(n=N):\n    return n", "print(f())"], "N =", id="default"
    ),
    pytest.param(["x = [1]", "x.append(2)", "print(x)"], "append", id="method"),
    pytest.param(
        ["f = len", "def f(x):\n    x.append(1)", "y = []", "f(y)", "print(y)"],
        "f(y)",
        id="function under a name that was another's",
    ),
    pytest.param(["x = [1]", "x[0] = 3", "print(x)"], "x[0]", id="item"),
    pytest.param(["x = [1]", "x += [2]", "print(x)"], "x +=", id="augmented"),
    pytest.param(["x = [1]", "del x[0]", "print(x)"], "del", id="deletion"),
    pytest.param(["x = [1]", "y = x", "y.append(2)", "print(x)"], "append", id="alias"),
    pytest.param(
        ["x = [1]", "y = {'a': x}", "y['a'].append(2)", "print(x)"],
        "append",
        id="held in a dictionary",
    ),
    pytest.param(
        [
            "x = [1]",
            "y = list(zip(x, [x]))",
            "for _, z in y:\n    z.append(5)",
            "print(x)",
        ],
        "append",
        id="reached in a loop",
    ),
    pytest.param(
        ["x = [1]", "def f(v):\n    v.append(2)", "f(x)", "print(x)"],
        "f(x)",
        id="function that changes its argument",
    ),
    pytest.param(
        [
            "x = [1]",
            "def g(v):\n    v.sort()",
            "def f(v):\n    g(v=v)",
            "f(x)",
            "print(x)",
        ],
        "f(x)",
        id="function of a function that changes its argument",
    ),
    pytest.param(
        ["n = sum([1])", "def f():\n    global n\n    n = 5", "f()", "print(n)"],
        "\nf()",
        id="function that rebinds a global",
    ),
    pytest.param(
        ["x = [1]", "def f():\n    global x\n    x.append(2)", "f()", "print(x)"],
        "\nf()",
        id="function that changes a global",
    ),
    pytest.param(
        ["def f(v):\n    return v", "x = [1]", "y = f(x)", "y.append(2)", "print(x)"],
        "append",
        id="function that returns its argument",
    ),
    pytest.param(
        ["import numpy as np", "x = np.ones(1)", "np.copyto(x, 2)", "print(x)"],
        "copyto",
        id="function of a module that changes its argument",
    ),
    pytest.param(
        ["x = {}", "y = x.setdefault('a', [])", "y.append(2)", "print(x)"],
        "append",
        id="what a method returns of its object",
    ),
    pytest.param(
        [
            "def grow(v):\n    v.append(2)",
            "x = [1]",
            "f = lambda: grow(x)",
            "f()",
            "print(x)",
        ],
        "\nf()",
        id="lambda that changes what it closes over",
    ),
    pytest.param(
        [
            "def grow(v):\n    v.append(2)\n    return len(v)",
            "x = [1]",
            "f = lambda: grow(x)",
            "n = f()",
            "print(x)",
        ],
        "n = f()",
        id="lambda called for what it returns",
    ),
    pytest.param(
        [
            "from functools import partial",
            "def grow(v):\n    v.append(2)\n    return len(v)",
            "x = [1]",
            "f = partial(grow, x)",
            "n = f()",
            "print(x)",
        ],
        "n = f()",
        id="function with its argument bound",
    ),
    pytest.param(
        [
            "class Box:\n    def __init__(self, v):\n        self.v = v",
            "x = [1]",
            "box = Box(x)",
            "box.v.append(2)",
            "print(x)",
        ],
        "append",
        id="object that holds it",
    ),
    pytest.param(
        [
            "def make(v):\n    def step(n):\n        v.append(n)\n    return step",
            "def run(f, n):\n    f(n)",
            "x = [1]",
            "step = make(x)",
            "run(step, 2)",
            "print(x)",
        ],
        "run(step, 2)",
        id="function made by a function, called by another",
    ),
    pytest.param(
        [
            "class Layer:\n    def __call__(self):\n        self.built = True",
            "layer = Layer()",
            "layer()",
            "print(layer.built)",
        ],
        "\nlayer()",
        id="object called for what it does",
    ),
    pytest.param(
        [
            "def grow(v):\n    v.append(2)",
            "def run(f, v):\n    f(v)",
            "x = [1]",
            "run(grow, x)",
            "print(x)",
        ],
        "run(grow, x)",
        id="function handed to a function",
    ),
    pytest.param(
        ["import random", "random.seed(1)", "print(random.random())"],
        "random.seed(1)",
        id="seed",
    ),
    pytest.param(
        [
            "import random",
            "def f():\n    random.seed(1)",
            "f()",
            "print(random.random())",
        ],
        "\nf()",
        id="seed in a function",
    ),
    pytest.param(
        ["import sys", "sys.dont_write_bytecode = True", "print(1)"],
        "dont_write",
        id="attribute of a module",
    ),
    pytest.param(
        ["x = len('a')", "if x > 5:\n    x = 3", "print(x)"], "x = len", id="branch"
    ),
    pytest.param(
        [
            "from pathlib import Path",
            "Path('a.txt').write_text('1')",
            "print(Path('a.txt').read_text())",
        ],
        "write_text",
        id="file by its name",
    ),
    pytest.param(
        ["import torch", "p = torch.ones(1)", "p.mul_(2)", "print(p)"],
        "mul_",
        id="in-place method by PyTorch's convention",
    ),
    pytest.param(
        [
            "import torch",
            "w = torch.ones(1, requires_grad=True)",
            "loss = (w * 2).sum()",
            "loss.backward()",
            "print(w.grad)",
        ],
        "backward",
        id="gradients",
    ),
    pytest.param(
        [
            "import torch",
            "model = torch.nn.Linear(1, 1)",
            "loss = model.weight.sum()",
            "loss.backward()",
            "print(model.weight.grad)",
        ],
        "backward",
        id="gradients of a model's weight",
    ),
    pytest.param(
        ["import os", "if os.sep:\n    import json", "print(json.dumps(1))"],
        "import json",
        id="import under a condition",
    ),
    pytest.param(
        ["def f():\n    return json.dumps(1)", "import json", "print(f())"],
        "import json",
        id="import after the function that needs it",
    ),
    pytest.param(
        ["for n in [2]:\n    m, k = n, n", "print(k)"], "k = n", id="bound in a loop"
    ),
    pytest.param(
        ["for n in [2]:\n    def f():\n        return n", "print(f())"],
        "def f",
        id="function defined in a loop",
    ),
]


KEPT = [x for x in KEPT if "pytorch" in selected() or "import torch" not in x.values[0]]


@pytest.mark.parametrize(("blocks", "gone"), DROPPED)
def test_what_is_not_needed_is_dropped(blocks: list[str], gone: str) -> None:
    found = code(*blocks)
    assert gone not in found
    assert printed(found) == printed("\n\n".join(blocks))


def test_block_that_cannot_be_read_does_not_hide_those_after_it() -> None:
    assert "y = 1" in code("print(x", "y = 1", "print(y)")


@pytest.mark.parametrize(("blocks", "there"), KEPT)
def test_what_is_needed_is_kept(
    blocks: list[str], there: str, tmp_path, monkeypatch
) -> None:
    monkeypatch.chdir(tmp_path)
    found = code(*blocks)
    assert there in found
    assert printed(found) == printed("\n\n".join(blocks))


def test_program_ends_with_the_block_as_shown() -> None:
    block = "# why\nx = (1,\n     2)  # shape\n\n\nprint(x)"
    assert code("import os\nimport re", block) == block


def test_comments_above_a_kept_statement_stay() -> None:
    found = code("import os\n\n# Why it is 2.\nN = 2  # (units)\nM = 3", "print(N)")
    assert found == "# Why it is 2.\nN = 2  # (units)\n\n\nprint(N)"


def test_block_that_is_no_python_stands_alone() -> None:
    assert code("x = 1", "print(x") == "print(x"


def test_block_that_is_no_python_stands_alone_between_others() -> None:
    blocks = [Block("page", [x], None) for x in ("x = 1", "print(x", "print(x)")]
    assert Slicer(blocks).code(1) == "print(x"


def test_statements_of_one_block_stay_together_and_those_of_two_apart() -> None:
    found = code("a = 1  # one\nb = 2", "c = a", "print(a, b, c)")
    assert found == "a = 1  # one\nb = 2\n\n\nc = a\n\n\nprint(a, b, c)"


def test_function_is_taken_in_the_version_that_the_block_saw() -> None:
    first, second = "def f():\n    return 1", "def f():\n    return 2"
    assert (
        code(first, "print(f())", second, "print(f())") == f"{second}\n\n\nprint(f())"
    )
    assert code(first, "print(f())") == f"{first}\n\n\nprint(f())"
