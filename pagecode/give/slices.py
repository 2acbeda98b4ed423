"""The programs in which a block may run alone: everything above it, and a shorter one.

The shorter one, a slice, is a guess. It is handed out only where it has run and shown
what the page shows (see `proof`). The rules below may therefore be few: where they
leave out too much, the reader gets everything, and never a wrong program.

A definition (an import, a function, a class, a constant, a file that the page shows)
is left out unless what stays names it. Any other statement, a run, is left out unless
it binds, or may change, what stays uses. Names are read off the bytecode, which knows
every way to bind one. A run that names a file, and an import of a module that the page
writes, need all runs above that name one: they may write what it reads.
"""

import ast
import dis
import re
import types
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property

from pagecode.read.includes import Line
from pagecode.read.page import Block, Program
from pagecode.run.script import HELPER, caught

FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda)
DEFINITIONS = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef, ast.Import)
FILE = re.compile(r"[\w-]+\.[A-Za-z]\w*")  # in a text: train.py
NAMED = re.compile(r"(LOAD|STORE|DELETE)\w*_(NAME|GLOBALS?)")
Env = dict[str, list["Statement"]]  # what may have bound each name


@dataclass(eq=False)
class Statement:
    """One statement of a program, or several that share a line, or a failing block."""

    nodes: list[ast.stmt]
    block: int  # which block of the program it stands in
    lines: list[Line]  # with the comments above it and its blank lines
    fails: bool  # it may end anywhere
    env: Env  # before it
    file: str = ""  # that it writes, for the page's commands and imports
    # Names of the module that it binds and reads, also in its functions; and those
    # whose objects it may change, at once, or when one of its functions is called.
    binds: set[str] = field(default_factory=set)
    reads: set[str] = field(default_factory=set)
    changes: set[str] = field(default_factory=set)
    changes_later: set[str] = field(default_factory=set)

    def __post_init__(self) -> None:
        for node in self.nodes:
            try:
                code = compile(ast.Module([node], []), "", "exec", dont_inherit=True)
            except SyntaxError:  # it is to fail
                continue
            for how, name, inner in names_in(code):
                if how == "LOAD":
                    self.reads.add(name)
                else:
                    (self.changes_later if inner else self.binds).add(name)
            for name, inner in changed(node):
                if name in self.reads:
                    (self.changes_later if inner else self.changes).add(name)

    @cached_property
    def defines(self) -> bool:
        """Whether it does nothing but define."""
        return bool(self.file) or (
            not self.fails and all(map(is_definition, self.nodes))
        )

    @cached_property
    def files(self) -> set[str]:
        """The files that it names in texts, and those of the modules imported."""
        nodes = [y for x in self.nodes for y in ast.walk(x)]
        constants = [x.value for x in nodes if isinstance(x, ast.Constant)]
        texts = [x for x in constants if isinstance(x, str)]
        if self.file:  # its text is a module
            nodes = [y for x in texts for y in ast.walk(ast.parse(x))]
        modules = [x.module for x in nodes if isinstance(x, ast.ImportFrom)]
        modules += [x.name for x in nodes if isinstance(x, ast.alias)]
        found = {f"{x}.py" for x in modules}
        if self.file or not self.defines:
            found |= {y for x in texts for y in FILE.findall(x)}
        return found - {self.file}

    @cached_property
    def replaces(self) -> bool:
        """Whether what its names were bound to before is surely theirs no more."""
        whole = all(isinstance(x, ast.Assign) for x in self.nodes)
        return self.defines or (whole and not self.fails)

    @cached_property
    def imports(self) -> set[str]:
        """The names that it imports."""
        imports = any(isinstance(x, ast.Import | ast.ImportFrom) for x in self.nodes)
        return self.binds if imports else set()

    @cached_property
    def is_silent(self) -> bool:
        """Whether nobody can see what it does: `from __future__` and `import *`."""
        imports = [x for x in self.nodes if isinstance(x, ast.ImportFrom)]
        return not all(map(is_definition, imports))

    @cached_property
    def prints(self) -> bool:
        """Whether it only prints."""
        return all(isinstance(x, ast.Expr) and is_print(x.value) for x in self.nodes)


def names_in(code: types.CodeType, *, inner: bool = False) -> Iterator[tuple]:
    """Yield how bytecode uses each of its module's names, and whether in a function.

    What the body of a class binds is the class's own.
    """
    for x in dis.get_instructions(code):
        found = NAMED.fullmatch(x.opname)
        if found and not (inner and x.opname in ("STORE_NAME", "DELETE_NAME")):
            yield found[1], x.argval, inner
    for constant in code.co_consts:
        if isinstance(constant, types.CodeType):
            yield from names_in(constant, inner=True)


def is_definition(node: ast.stmt) -> bool:
    """Whether a statement only defines: what it binds has no state of its own."""
    if isinstance(node, ast.ImportFrom):  # nobody can see what `import *` binds
        return node.module != "__future__" and node.names[0].name != "*"
    if isinstance(node, ast.Assign | ast.AnnAssign) and node.value:
        targets = node.targets if isinstance(node, ast.Assign) else [node.target]
        names = [y for x in targets for y in getattr(x, "elts", [x])]
        return all(isinstance(x, ast.Name) for x in names) and is_plain(node.value)
    return isinstance(node, DEFINITIONS) or type(node).__name__ == "TypeAlias"


def is_written(nodes: list[ast.stmt]) -> bool:
    """Whether these write a file, where a page shows one: all but the import."""
    return not any(isinstance(x, ast.ImportFrom) for x in nodes)


def is_plain(node: ast.expr) -> bool:
    """Whether a value is a function, or written out: numbers, texts, groups of them."""
    if isinstance(node, ast.Tuple):
        return all(map(is_plain, node.elts))
    if isinstance(node, ast.Dict):
        return all(x and is_plain(x) for x in node.keys + node.values)
    if isinstance(node, ast.UnaryOp):
        return is_plain(node.operand)
    if isinstance(node, ast.BinOp):
        return is_plain(node.left) and is_plain(node.right)
    return isinstance(node, ast.Constant | ast.Lambda)


def is_print(node: ast.AST) -> bool:
    """Whether this only prints."""
    return isinstance(node, ast.Call) and getattr(node.func, "id", "") == "print"


def root(node: ast.AST) -> str | None:
    """Return the name at the bottom of `name.attribute[index].method()`."""
    while isinstance(node, ast.Attribute | ast.Subscript | ast.Starred | ast.Call):
        node = node.func if isinstance(node, ast.Call) else node.value
    return node.id if isinstance(node, ast.Name) else None


def changed(node: ast.AST, *, inner: bool = False) -> Iterator[tuple[str, bool]]:
    """Yield the names whose objects may be changed here, and whether in a function.

    Changed may be what is stored into, what a method is called of, what a loop goes
    through, the first thing that is given to a function, and all that is given to one
    whose value nobody takes, or to a decorator.
    """
    given: list[ast.AST] = []
    decorators = getattr(node, "decorator_list", [])
    if isinstance(node, ast.Attribute | ast.Subscript):
        given = [] if isinstance(node.ctx, ast.Load) else [node]
    elif isinstance(node, ast.AugAssign):
        given = [node.target]
    elif isinstance(node, ast.For | ast.AsyncFor | ast.comprehension):
        given = [node.iter]
    elif isinstance(node, ast.Call) and not is_print(node):
        method = not isinstance(node.func, ast.Name)
        given = [*([node.func] if method else []), *node.args[:1]]
    elif isinstance(node, ast.Expr) and isinstance(node.value, ast.Call):
        given = [] if is_print(node.value) else [*ast.walk(node.value)]
    given += [y for x in decorators for y in ast.walk(x)]
    yield from ((name, inner) for name in map(root, given) if name)
    for child in ast.iter_child_nodes(node):
        later = isinstance(node, FUNCTIONS) and child not in decorators
        yield from changed(child, inner=inner or later)


def read(blocks: Sequence[Block]) -> list[Statement]:
    """Return the statements of these blocks in order."""
    found: list[Statement] = []
    env: Env = {}
    for number, block in enumerate(blocks):
        groups: list[tuple[list[ast.stmt], list[Line]]] = []
        try:
            body = ast.parse(block.text).body
        except SyntaxError:  # it is to fail
            body = []
        above = 0
        for node in body:
            end = node.end_lineno or node.lineno
            if node.lineno > above:
                groups.append(([], []))
            groups[-1][0].append(node)  # two may share a line
            groups[-1][1].extend(block.lines[above:end])
            above = end
        if block.raises:
            groups = [(body, guarded(block))]
        for nodes, lines in groups:
            writes = block.file if is_written(nodes) else ""
            x = Statement(nodes, number, lines, block.raises, dict(env), writes)
            for name in x.binds:
                env[name] = [*([] if x.replaces else env.get(name, [])), x]
            found.append(x)
    return found


def guarded(block: Block) -> list[Line]:
    """Return a block that must fail so that its program shows the error and goes on."""
    above, texts, below = caught(list(map(str, block.lines)))
    inside = [x.replaced(y) for x, y in zip(block.lines, texts, strict=True)]
    note = block.lines[0].replaced
    return [*map(note, above), *inside, *map(note, below)]


def used_by(statement: Statement, end: Env) -> set[Statement]:
    """Return the statements that bind what one reads, also through functions.

    What a function reads may be bound after it: then it is looked up at the `end`.
    """
    found: set[Statement] = set()
    names, done = set(statement.reads), set[str]()
    while names:
        done.add(name := names.pop())
        for x in statement.env.get(name) or end.get(name, []):
            found.add(x)
            if x.defines:
                names |= x.reads - done
    return found - {statement}


def may_matter(x: Statement, uses: set[Statement], used: set[Statement]) -> bool:
    """Whether a statement, and what it uses, may change what others use.

    It does where it changes an object of theirs, and where it binds nothing, concerns
    only the process and names a module of theirs, as in `random.seed(1)`.
    """
    if x.fails or x.prints:
        return False
    changes = {*x.changes}
    if not x.defines:
        changes = changes.union(x.changes_later, *(y.changes_later for y in uses))
    changed = {y for name in changes for y in x.env.get(name, [])}
    if any(not y.imports for y in changed & used):
        return True
    if x.binds or not all(y.defines for y in uses):
        return False
    simple = all(isinstance(y, ast.Expr | ast.Assign) for y in x.nodes)
    return simple and not imports_of(uses).isdisjoint(imports_of(used))


def imports_of(statements: set[Statement]) -> set[str]:
    """Return the names that these import."""
    return set[str]().union(*(x.imports for x in statements))


class Slicer:
    """Makes the programs in which the blocks of a page's program run alone."""

    def __init__(self, program: Program) -> None:
        self.program = program
        self.statements = read(program.blocks)

    def alone(self, number: int) -> tuple[Program | None, Program]:
        """Return a block's slice, if it has one, and its program with all above it.

        Each is of the block and of one above it. There is no slice where nothing could
        prove it: for a block whose output varies, and for one that shows none and does
        more than define.
        """
        block = self.program.blocks[number]
        above = [x for x in self.statements if x.block < number]
        own = [x for x in self.statements if x.block == number]
        kept, everything = needed(above, own), self.joined(above, block)
        if len(kept) == len(above) or not is_provable(block, [*kept, *own]):
            return None, everything
        return self.joined(kept, block), everything

    def joined(self, above: list[Statement], block: Block) -> Program:
        """Return the program of some statements above a block, and of that block."""
        parts: dict[int, list[Line]] = {}  # those of a block together
        for x in above:
            parts.setdefault(x.block, []).extend(x.lines)
        failing = min((x.block for x in above if x.fails), default=None)
        lines: list[Line] = []
        for number, part in parts.items():
            gap = [part[0].replaced("")] * 2
            helper = [part[0].replaced(x) for x in HELPER.split("\n")]
            lines += [*gap, *(helper + gap) * (number == failing), *trimmed(part)]
        lines = trimmed(lines)
        limit = sum(x.limit for x in self.program.blocks)
        before = Block(block.where, tuple(lines), block.framework, limit=limit)
        blocks = (before, block) if lines else (block,)
        return replace(self.program, blocks=blocks)


def trimmed(lines: list[Line]) -> list[Line]:
    """Return lines without the empty ones at their start and end."""
    full = [index for index, line in enumerate(lines) if line.strip()]
    return lines[full[0] : full[-1] + 1] if full else []


def is_provable(block: Block, slice_: list[Statement]) -> bool:
    """Whether a run could tell that a slice is wrong, or it only defines."""
    if block.output and block.output.varies:
        return False
    if block.raises or block.output or block.pictures:
        return True
    return all(
        x.defines or not (x.binds or any(not y.defines for y in used_by(x, x.env)))
        for x in slice_
    )


def writers(statements: list[Statement]) -> dict[Statement, set[Statement]]:
    """Return of each statement those above it that write the files that it reads.

    Those are the files that the page shows, by their names; and all runs that name a
    file, for a run that names one itself, or imports a module of which one is known.
    """
    found, naming, named = {}, set[Statement](), set[str]()
    written: dict[str, Statement] = {}
    for x in statements:
        reads = x.files & named if x.defines else x.files
        found[x] = {written[name] for name in x.files & written.keys()}
        if x.file:
            written[x.file] = x
            named.add(x.file)
        elif reads:
            found[x] |= naming
        if x.files and not x.defines:
            naming.add(x)
            named |= x.files
    return found


def needed(above: list[Statement], own: list[Statement]) -> list[Statement]:
    """Return what the own statements seem to need of those above."""
    found = [*above, *own]
    end = dict(found[-1].env) if found else {}
    files = writers(found)
    uses = {x: used_by(x, end) | files[x] for x in found}
    kept, size = {*own, *(x for x in above if x.is_silent)}, -1
    while len(kept) > size:
        size = len(kept)
        kept |= {y for x in kept for y in uses[x]}
        used = set[Statement]()  # by what comes after
        for x in reversed(found):
            if x in kept or may_matter(x, uses[x], used):
                kept.add(x)
                used |= uses[x]
    return [x for x in above if x in kept]
