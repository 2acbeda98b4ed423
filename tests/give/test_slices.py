"""A block's programs: what it needs is in its slice, or that does not show the same."""

import contextlib
import io
import sys
from pathlib import Path
from textwrap import dedent
from types import SimpleNamespace

import pytest

from pagecode.frameworks import selected
from pagecode.give.slices import Slicer
from pagecode.read.includes import Line
from pagecode.read.page import Block, Output, Program
from pagecode.read.shell import writes


def alone(
    *blocks: str,
    raises: tuple[int, ...] = (),
    silent: bool = False,
    files: dict[int, str] | None = None,
) -> list:
    """Return the programs of the last of these blocks.

    Those named by number fail, or are shown as files of these names.
    """
    file = Path("code.py")
    read = []
    for number, code in enumerate(blocks):
        text = dedent(code).strip("\n")
        lines = tuple(Line(x, file, 1) for x in text.split("\n"))
        name = (files or {}).get(number, "")
        lines = writes(name, lines) if name else lines
        shown = number == len(blocks) - 1 and not silent
        output = Output(1, "", ()) if shown else None
        fails = number in raises
        read.append(Block("page", lines, None, raises=fails, output=output, file=name))
    program = Program(SimpleNamespace(name="page.md"), "pytorch", tuple(read))
    made = filter(None, Slicer(program).alone(len(read) - 1))
    return ["\n\n\n".join(x.text for x in program.blocks) for program in made]


def printed(text: str) -> str | None:
    """Run a program in an empty namespace; return what it prints last."""
    out = io.StringIO()
    module = {"__name__": "__main__"}
    try:
        with contextlib.redirect_stdout(out):
            exec(compile(text, "program", "exec", dont_inherit=True), module)
    except Exception:
        return None
    return out.getvalue().splitlines()[-1]


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
        ["import math", "a = [math.pi]\nb = [math.e]", "a.append(1)", "print(b)"],
        "a.append",
        id="change of what came from the same module",
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
        ["import sys", "sys.ps1 = 3", "print(sys.ps1)"],
        "ps1 = 3",
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


NEWER = [
    pytest.param(
        [
            "def add_to(cls):\n    def wrap(function):\n"
            "        setattr(cls, function.__name__, function)\n"
            "        return function\n    return wrap\n\n"
            "class Net:\n    pass",
            "@add_to(Net)\ndef forward(self, x):\n    return 2 * x",
            "net = Net()\nprint(net.forward(3))",
        ],
        "@add_to",
        id="method that a decorator adds",
    ),
    pytest.param(
        ["class Net:\n    pass", "Net.go = lambda self: 3", "print(Net().go())"],
        "Net.go",
        id="method that is added by assignment",
    ),
    pytest.param(
        [
            "from functools import singledispatch",
            "@singledispatch\ndef area(x):\n    return 0",
            "@area.register\ndef _(x: int):\n    return x * x",
            "print(area(3))",
        ],
        "area.register",
        id="case of a generic function",
    ),
    pytest.param(
        [
            "kinds = {}",
            "class Base:\n    def __init_subclass__(cls):\n"
            "        kinds[cls.__name__] = cls",
            "class One(Base):\n    pass",
            "print(len(kinds))",
        ],
        "class One",
        id="class that registers itself",
    ),
    pytest.param(
        ["i = 5", "xs = [i for i in range(3)]\nprint(xs)", "print(i)"],
        "i = 5",
        id="variable of a comprehension",
    ),
    pytest.param(
        ["n = 5", "f = lambda n: n\nprint(f(2))", "print(n)"],
        "n = 5",
        id="parameter of a lambda",
    ),
    pytest.param(
        ["n = 5", "class C:\n    n = 2", "print(n)"],
        "n = 5",
        id="name in the body of a class",
    ),
    pytest.param(
        [
            "match (3, [4, 5]):\n    case (rows, [first, *rest]):\n        pass",
            "print(rows, first, rest)",
        ],
        "match",
        id="captures of a match",
    ),
    pytest.param(
        [
            "match {'a': 1, 'b': 2}:\n    case {'a': x, **others}:\n        pass",
            "print(x, others)",
        ],
        "match",
        id="rest of a mapping in a match",
    ),
    pytest.param(["print([y := 3])", "print(y)"], "y := 3", id="walrus in a print"),
    pytest.param(
        ["xs = [last := n for n in range(4)]", "print(last)"],
        "last :=",
        id="walrus in a comprehension",
    ),
    pytest.param(
        [
            "x = 1",
            "x = 2",
            "def f():\n    global x\n    del x",
            "f()",
            "x = 4",
            "print(x)",
        ],
        "x = 4",
        id="name that was deleted",
    ),
    pytest.param(
        ["import os.path as where", "print(where.basename('a/b'))"],
        "as where",
        id="import under another name",
    ),
    pytest.param(
        ["import os.path", "print(os.path.basename('a/b'))"],
        "import os.path",
        id="import of a part",
    ),
    pytest.param(
        ["from math import *", "print(floor(2.5))"], "import *", id="import of all"
    ),
    pytest.param(
        [
            "try:\n    1 / 0\nexcept ZeroDivisionError as e:\n    said = str(e)",
            "print(said)",
        ],
        "1 / 0",
        id="bound where an error is handled",
    ),
    pytest.param(
        ["for n in []:\n    pass\nelse:\n    m = 2", "print(m)"],
        "else",
        id="bound after a loop",
    ),
    pytest.param(
        [
            "import io",
            "with io.StringIO('a') as (file):\n    pass",
            "print(file.closed)",
        ],
        "with",
        id="bound by with",
    ),
    pytest.param(["a, (b, *c) = 1, [2, 3]", "print(c)"], "*c", id="unpacked"),
    pytest.param(["T = int", "x: T = 3", "print(x)"], "T = int", id="annotation"),
    pytest.param(
        ["x = []; x.append(1)", "print(x)"], "x = []", id="two statements on a line"
    ),
    pytest.param(
        [
            "class Meter:\n    def __init__(self):\n        self.values = []\n\n"
            "    def record(self, x):\n        self.values.append(x)\n"
            "        return len(self.values)",
            "meter = Meter()",
            "count = meter.record(0.5)",
            "print(meter.values)",
        ],
        "count = meter",
        id="method that changes and returns",
    ),
    pytest.param(
        [
            "x = [1]",
            "def f(v):\n    v.append(2)\n    return len(v)",
            "n = f(x)",
            "print(x)",
        ],
        "n = f(x)",
        id="function that changes and returns",
    ),
    pytest.param(
        [
            "x = [1]",
            "def f(n, *, out):\n    out.append(n)\n    return n",
            "n = f(2, out=x)",
            "print(x)",
        ],
        "n = f(2",
        id="function that changes what it is given by name",
    ),
    pytest.param(
        [
            "x = [3, 1]",
            "def f(v):\n    v.sort()\n    return v",
            "print(f(x))",
            "print(x)",
        ],
        "print(f(x))",
        id="change within a print",
    ),
    pytest.param(
        ["it = iter([1, 2])", "a = next(it)", "print(next(it))"],
        "a = next",
        id="iterator that moved on",
    ),
    pytest.param(
        [
            "import random\nrandom.seed(0)",
            "a = [random.random() for _ in range(3)]",
            "print(random.random())",
        ],
        "a = [",
        id="draws from Python's generator",
    ),
    pytest.param(
        [
            "import random\nrandom.seed(0)",
            "def draw():\n    return random.random()",
            "a = draw()",
            "print(random.random())",
        ],
        "a = draw()",
        id="draw in a function",
    ),
    pytest.param(
        [
            "import numpy as np\nnp.random.seed(0)",
            "a = np.random.rand(3)",
            "print(np.random.rand())",
        ],
        "a = np",
        id="draws from NumPy's generator",
    ),
    pytest.param(
        [
            "import torch\ntorch.manual_seed(0)",
            "layer = torch.nn.Linear(3, 1)",
            "print(torch.rand(1).item())",
        ],
        "layer = ",
        id="draws from PyTorch's generator",
    ),
    pytest.param(
        [
            "import os\nos.makedirs('out', exist_ok=True)",
            "with open('out/a.txt', 'w') as file:\n    file.write('1 2')",
            "with open('out/a.txt') as file:\n    print(file.read())",
        ],
        "makedirs",
        id="folder of a file",
    ),
    pytest.param(
        [
            "from pathlib import Path\nfolder = Path('out')\nfolder.mkdir()",
            "(folder / 'a.txt').write_text('1')",
            "with open('out/a.txt') as file:\n    print(file.read())",
        ],
        "mkdir",
        id="folder under a name",
    ),
    pytest.param(
        [
            "from __future__ import annotations\n\nfrom dataclasses import dataclass",
            "@dataclass\nclass Node:\n    parent: Node | None = None\n\n"
            "print(Node(Node()))",
        ],
        "__future__",
        id="future annotations",
    ),
    pytest.param(
        ["d = {'x': 1}", "globals()['y'] = 3", "print(y)"],
        "globals()",
        id="name that only a text names",
    ),
]
if sys.version_info >= (3, 12):
    NEWER.append(
        pytest.param(
            ["type Pair = tuple[int, int]", "print(Pair.__name__)"],
            "type Pair",
            id="type alias",
        )
    )
KEPT += NEWER
KEPT = [x for x in KEPT if "pytorch" in selected() or "import torch" not in x.values[0]]


@pytest.mark.parametrize(("blocks", "gone"), DROPPED)
def test_what_is_not_needed_is_dropped(blocks: list[str], gone: str) -> None:
    first, *_ = alone(*blocks)
    assert gone not in first
    assert printed(first) == printed("\n\n".join(blocks))


@pytest.mark.parametrize(("blocks", "there"), KEPT)
def test_what_is_needed_is_kept(
    blocks: list[str], there: str, tmp_path, monkeypatch
) -> None:
    (whole := tmp_path / "whole").mkdir()
    monkeypatch.chdir(whole)
    expected = printed("\n\n".join(map(dedent, blocks)))
    assert expected is not None
    for number, text in enumerate(alone(*blocks)):
        (folder := tmp_path / str(number)).mkdir()
        monkeypatch.chdir(folder)
        if (shown := printed(text)) == expected:
            break
    assert shown == expected
    assert there in text


def test_program_ends_with_the_block_as_shown() -> None:
    block = "# why\nx = (1,\n     2)  # shape\n\n\nprint(x)"
    assert alone("import os\nimport re", block)[0] == block


def test_comments_above_a_kept_statement_stay() -> None:
    found = alone("import os\n\n# Why it is 2.\nN = 2  # (units)\nM = 3", "print(N)")
    assert found[0] == "# Why it is 2.\nN = 2  # (units)\n\n\nprint(N)"


def test_block_that_is_no_python_stands_alone() -> None:
    assert alone("x = 1", "print(x", raises=(1,))[0] == "print(x"
    assert alone("x = 1", "print(x", raises=(1,))[-1] == "x = 1\n\n\nprint(x"


def test_block_that_is_no_python_does_not_hide_those_after_it() -> None:
    found = alone("print(x", "y = 1", "print(y)", raises=(0,))
    assert found[0] == "y = 1\n\n\nprint(y)"
    assert printed(found[-1]) == "1"


def test_statements_of_one_block_stay_together_and_those_of_two_apart() -> None:
    found = alone("a = 1  # one\nb = 2", "c = a", "print(a, b, c)")
    assert found == ["a = 1  # one\nb = 2\n\n\nc = a\n\n\nprint(a, b, c)"]


def test_function_is_taken_in_the_version_that_the_block_saw() -> None:
    first, second = "def f():\n    return 1", "def f():\n    return 2"
    found = alone(first, "print(f())", second, "print(f())")
    assert found[0] == f"{second}\n\n\nprint(f())"
    assert alone(first, "print(f())")[0] == f"{first}\n\n\nprint(f())"


def test_everything_above_is_last_and_goes_on_after_what_fails() -> None:
    *_, last = alone("x = 1", "x = 2\n1 / 0", "print(x)", raises=(1,))
    out = io.StringIO()
    with contextlib.redirect_stdout(out):
        exec(last, {})
    assert out.getvalue() == "ZeroDivisionError: division by zero\n2\n"


@pytest.mark.parametrize(
    ("blocks", "slices"),
    [
        (["x = [1]", "y = [2]", "z = x"], 0),  # it computes
        (["x = [1]", "y = [2]", "z = 3"], 1),  # it defines
        (["x = [1]", "y = [2]", "def f():\n    return 3"], 1),
        (["x = [1]", "y = [2]", "def f():\n    return x"], 0),  # of what was computed
        (["x = [1]", "y = [2]", "def f(v=x):\n    return v"], 0),
        (["import random", "y = [2]", "random.seed(1)\nN = 3"], 1),
        (["class C:\n    pass", "C.n = 1", "def f():\n    return C.n"], 0),
    ],
)
def test_what_shows_nothing_is_a_slice_only_where_it_defines(
    blocks: list[str], slices: int
) -> None:
    assert len(alone(*blocks, silent=True)) == 1 + slices


@pytest.mark.parametrize("used", ["from part import N", "import part\nN = part.N"])
def test_files_that_a_block_reads_are_written_first(
    tmp_path, monkeypatch, used
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "part", raising=False)
    shorter, everything = alone(
        "from pathlib import Path",
        "number = 3",
        "_ = Path('n.txt').write_text(str(number))",
        """
        text = "from pathlib import Path; N = int(Path('n.txt').read_text())"
        _ = Path('part.py').write_text(text)
        """,
        "other = number + 1",
        f"{used}\nprint(N)",
    )
    assert printed(shorter) == "3"
    assert "other" in everything
    assert "other" not in shorter


def test_files_that_a_page_shows_are_kept_where_they_are_named(
    tmp_path, monkeypatch, capsys
) -> None:
    monkeypatch.chdir(tmp_path)
    shorter, everything = alone(
        "N = 4",
        "import second\nprint(second.N)",
        "M = 5",
        """
        import subprocess, sys
        print(subprocess.check_output([sys.executable, "first.py"], text=True))
        """,
        files={0: "second.py", 1: "first.py", 2: "other.py"},
    )
    assert "other.py" in everything
    assert "other.py" not in shorter
    exec(shorter, {})
    assert capsys.readouterr().out.split() == ["4"]


def test_files_of_other_blocks_are_left_out() -> None:
    shorter, _ = alone(
        "_ = open('n.txt', 'w').write('3')", "import os", "print(os.sep)"
    )
    assert "n.txt" not in shorter
