"""What a program needs, by what it imports."""

from importlib.util import find_spec

import pytest

from pagecode.give.needs import Needs, faults
from tests.conftest import CODE, PAGE, Site

PINS = "numpy==2.4.6\ntorch==2.15.0\ntorchvision==0.29.2\n"
PINS += "pillow==13.0.0\nprotobuf==7.36.2\ngoogle-pasta==0.2.0\n"


def needs(site: Site, code: str) -> dict[str, str]:
    """Return what the code needs where these packages are pinned."""
    site.write("requirements/all.txt", PINS)
    site.add(code)
    return Needs(site.page().blocks, site.root).of(site.page().blocks)


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        ("import numpy as np", {"numpy": "numpy==2.4.6"}),
        ("from numpy.linalg import norm", {"numpy": "numpy==2.4.6"}),
        ("from PIL import Image", {"PIL": "pillow==13.0.0"}),
        ("x = __import__('numpy.linalg').linalg", {"numpy": "numpy==2.4.6"}),
        ("import json, os.path\nimport re", {}),
        ("def f():\n    import numpy", {"numpy": "numpy==2.4.6"}),
        (
            "import torchvision",
            {"torch": "torch==2.15.0", "torchvision": "torchvision==0.29.2"},
        ),
        ("try:\n    import tqdm\nexcept ImportError:\n    tqdm = None", {}),
        ("try:\n    import numpy\nexcept:\n    pass", {"numpy": "numpy==2.4.6"}),
        (
            "import contextlib as c\nwith c.suppress(ImportError):\n    import tqdm",
            {},
        ),
        ("import typing\nif typing.TYPE_CHECKING:\n    import tqdm", {}),
        (
            "from contextlib import suppress\nfrom typing import TYPE_CHECKING\n"
            "if TYPE_CHECKING:\n    import tqdm\nelse:\n    import numpy\n"
            "with open('x', 'w'), suppress(ValueError, ModuleNotFoundError):\n"
            "    import tqdm",
            {"numpy": "numpy==2.4.6"},
        ),
    ],
)
def test_imports_give_the_pinned_packages(
    site: Site, code: str, expected: dict[str, str]
) -> None:
    assert needs(site, code) == expected


@pytest.mark.skipif(find_spec("google") is None, reason="nothing is installed there")
def test_package_of_a_shared_namespace_is_the_one_that_is_meant(site: Site) -> None:
    for code in ("import google.protobuf", "from google import protobuf"):
        found = needs(Site(site.root), code)
        assert found == {"google": "protobuf==7.36.2"}


@pytest.mark.parametrize(
    "code",
    [
        "import matplotlib",  # there is one, but it is not pinned
        "import no_such_module",
        "from . import sibling",
        "from snippets import code",
        "try:\n    import tqdm\nexcept ValueError:\n    pass",
        "try:\n    pass\nexcept ImportError:\n    import tqdm",
        "def f():\n    import no_such_module",
        "from contextlib import suppress\nwith suppress(ValueError):\n    import tqdm",
        "if TYPE_CHECKING:\n    pass\nelse:\n    import tqdm",
        "if not TYPE_CHECKING:\n    import tqdm",
        "with open(ImportError):\n    import tqdm",
        "import importlib\nx = importlib.import_module('no_such_module').x",
        "from importlib import import_module as f\n__import__('no_such_module')",
    ],
)
def test_import_that_nothing_pinned_provides_is_refused(site: Site, code: str) -> None:
    """As in addons-source#890."""
    needs(site, code)
    [fault] = faults(site.page(), site.root)
    said = str(fault)
    assert said.startswith("docs/page.md:3: no pinned package provides '")
    assert "\n  at        snippets/code.py:" in said
    with pytest.raises(ValueError, match="no pinned package"):
        site.exports()


def test_failing_block_may_import_what_is_missing(site: Site) -> None:
    site.write("requirements/all.txt", PINS)
    error = "ModuleNotFoundError: No module named 'no_such_module'"
    site.add("import no_such_module", error, "raises")
    site.add("import numpy\nprint(x", "SyntaxError: ...", "raises")
    assert faults(site.page(), site.root) == []


def test_module_that_the_page_writes_needs_no_package(site: Site) -> None:
    site.write("requirements/all.txt", PINS)
    module = "# --8<-- [start:a]\nimport numpy\n# --8<-- [end:a]\n"
    use = "# --8<-- [start:b]\nimport half\n# --8<-- [end:b]\n"
    include = '```python{}\n--8<-- "code.py:{}"\n```\n'
    site.write(CODE, module + use)
    site.write(PAGE, include.format(' title="half.py"', "a") + include.format("", "b"))
    assert faults(site.page(), site.root) == []
    found = Needs(site.page().blocks, site.root).of(site.page().blocks)
    assert found == {"numpy": "numpy==2.4.6"}
    site.write(PAGE, include.format(' title="other.py"', "a") + include.format("", "b"))
    [fault] = faults(site.page(), site.root)
    assert "no pinned package provides 'half'" in str(fault)


def test_each_part_of_a_program_lists_its_own_imports(site: Site) -> None:
    needs(site, "import numpy")
    site.add("import torch")
    found = site.exports()
    heads = [x.text.partition("# ///\n\n")[0] for x in found if x.kind == "block"]
    assert ["numpy" in x for x in heads] == [True, True]
    assert ["torch" in x for x in heads] == [False, True]
