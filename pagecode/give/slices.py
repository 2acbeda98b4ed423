"""The smallest program in which a block runs alone: what it needs of the blocks above.

It starts from everything above and drops what is surely not needed. A definition (an
import, function, class or constant) goes unless what stays names it, also through other
functions. An earlier run goes unless what stays uses a name that it binds, an object
that it changes in place, or state of the process that it sets. What a run may change is
read off the syntax tree: stores into an object, methods and functions whose names say
that they change something, followed into the page's own functions and through aliases.
"""

import ast
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from itertools import pairwise
from symtable import symtable
from typing import Any

from pagecode.read.page import Block

DEFINITION = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)
IMPORT = (ast.Import, ast.ImportFrom)
FUNCTION = (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda)
# Methods, and functions on their arguments, that change what they are given; so does
# every name with a `_` at its end, which is PyTorch's convention for "in place".
CHANGES = re.compile(
    r"\w+_|append|extend|insert|pop|popleft|remove|clear|update|sort|add|discard|copyto"
    r"|shuffle|setdefault|setattr|next|step|zero_grad|backward|fit|evaluate|train|eval"
    r"|compile|build|load_\w+|set_\w+|assign\w*|apply_gradients|apply|train_on_batch"
    r"|random|integers|permutation|normal|uniform|choice|standard_normal|write|close"
    r"|read\w*|run|reset\w*|adapt|put|fill|manual_seed|register_\w+|to|half|double|float"
)
# Functions whose result holds on to their arguments; so may every class.
HOLDS = re.compile(
    r"[A-Z]\w*|zip|iter|enumerate|reversed|map|filter|list|tuple|dict|from_numpy"
    r"|asarray|as_tensor|partial|parameters|trainable_variables|batch|view|reshape"
)
# State that belongs to the process.
SETS_STATE = re.compile(
    r"seed|manual_seed|set_\w+|use_\w+|enable_\w+|disable_\w+|clear_session|seterr"
    r"|simplefilter|filterwarnings|chdir|putenv|setdefault|rcdefaults|basicConfig"
)
LEARNS = re.compile(r"requires_grad|Parameter|Variable")  # what gets gradients
FILE = re.compile(r"[\w./-]*\w\.[A-Za-z]\w{1,7}")  # a constant that names a file


@dataclass(eq=False)
class Statement:
    """A top-level statement of a program, and what it has to do with others."""

    node: ast.stmt
    block: int  # which block of the program it stands in
    text: str  # with the comments above it and its blank lines
    binds: set[str] = field(default_factory=set)
    env: dict[str, list["Statement"]] = field(default_factory=dict)  # before it

    @property
    def is_run(self) -> bool:
        """Whether it does more than define."""
        if isinstance(self.node, IMPORT):
            return False
        if isinstance(self.node, DEFINITION):
            return any("register" in ast.dump(x) for x in self.node.decorator_list)
        if not isinstance(self.node, ast.Assign) or not is_constant(self.node.value):
            return True
        return not all(isinstance(x, ast.Name) for x in self.node.targets)

    @cached_property
    def names(self) -> set[str]:
        """The names of its module that it reads, at once or when it is called."""
        tables = [symtable(ast.unparse(self.node), "block", "exec")]
        found = {x.get_name() for x in tables[0].get_symbols() if x.is_referenced()}
        while tables:
            children = tables.pop().get_children()
            tables += children
            found |= {
                symbol.get_name()
                for table in children
                for symbol in table.get_symbols()
                if symbol.is_global()
            }
        return found

    @cached_property
    def files(self) -> set[str]:
        """The files that it names."""
        texts = (x.value for x in ast.walk(self.node) if isinstance(x, ast.Constant))
        return {x for x in texts if isinstance(x, str) and FILE.fullmatch(x)}


def is_constant(node: ast.AST | None) -> bool:
    """Whether the value is written out: numbers, texts, tuples of them."""
    try:
        ast.literal_eval(node)  # type: ignore[arg-type]
    except (ValueError, TypeError, SyntaxError, MemoryError, RecursionError):
        return False
    return isinstance(node, ast.Constant | ast.Tuple | ast.UnaryOp)


def bound(node: ast.AST) -> set[str]:
    """Return the names that a statement binds in its module."""
    if isinstance(node, DEFINITION):
        return {node.name}
    if isinstance(node, IMPORT):
        return {(x.asname or x.name).partition(".")[0] for x in node.names}
    names = set()
    for part in parts_of(node):
        if isinstance(part, ast.Name) and isinstance(part.ctx, ast.Store):
            names.add(part.id)
        elif isinstance(part, (*IMPORT, *DEFINITION)) and part is not node:
            names |= bound(part)
    return names


def parts_of(node: ast.AST) -> Iterator[ast.AST]:
    """Walk over a statement, but not into the functions that it only defines."""
    yield node
    for child in ast.iter_child_nodes(node):
        if isinstance(child, (*FUNCTION, ast.ClassDef)):
            yield child
        else:
            yield from parts_of(child)


def loads(node: ast.AST) -> set[str]:
    """Return the names that a node reads, at once or when it is called."""
    return {x.id for x in ast.walk(node) if isinstance(x, ast.Name)}


def root(node: ast.AST) -> str | None:
    """Return the name at the bottom of `name.attribute[index].method()`.

    What `name()` returns is another object, and has none.
    """
    while isinstance(node, ast.Attribute | ast.Subscript | ast.Starred | ast.Call):
        if isinstance(node, ast.Call):
            if not isinstance(node.func, ast.Attribute):
                return None
            node = node.func
        node = node.value
    return node.id if isinstance(node, ast.Name) else None


def roots(node: ast.AST, scope: "Scope") -> set[str]:
    """Return the name at the bottom, unless it is a module's."""
    name = root(node)
    return {name} - scope.modules if name else set()


def called(call: ast.Call) -> str:
    """Return the last name of what is called."""
    return getattr(call.func, "attr", getattr(call.func, "id", ""))


def arguments(call: ast.Call) -> list[ast.expr]:
    """Return all that is handed over in a call."""
    return [*call.args, *(x.value for x in call.keywords)]


def given(call: ast.Call, function: ast.AST) -> list[tuple[str, ast.expr]]:
    """Return what is handed over, by the names of the function's parameters."""
    pairs = [*zip(parameters(function), call.args, strict=False)]
    return pairs + [(x.arg or "", x.value) for x in call.keywords]


def held(node: ast.AST, scope: "Scope") -> set[str]:
    """Return the names whose objects the value of an expression may hold."""
    if isinstance(node, ast.Call):
        name = called(node)
        method = isinstance(node.func, ast.Attribute)
        own = roots(node.func, scope) if method else set()
        values = arguments(node)
        function = None if method else scope.functions.get(name)
        if isinstance(function, ast.FunctionDef):
            kept = scope.effects(name).returned
            values = [x for parameter, x in given(node, function) if parameter in kept]
        elif not HOLDS.fullmatch(name):
            return own if CHANGES.fullmatch(name) else set()
        return own.union(*(held(x, scope) for x in values))
    if isinstance(node, ast.Name | ast.Attribute | ast.Subscript | ast.Starred):
        return roots(node, scope)
    if isinstance(node, FUNCTION):
        return loads(node)
    if isinstance(node, ast.BinOp | ast.Compare | ast.Constant | ast.JoinedStr):
        return set()
    parts = (x for x in ast.iter_child_nodes(node) if isinstance(x, ast.expr))
    return set().union(*(held(x, scope) for x in parts))


class Scope:
    """The modules, functions and classes that a statement can name."""

    def __init__(self, env: dict[str, list[Statement]]) -> None:
        last = {name: binders[-1].node for name, binders in env.items()}
        self.modules = {name for name, x in last.items() if isinstance(x, IMPORT)}
        self.functions = {
            name: x for name, x in last.items() if isinstance(x, DEFINITION)
        }
        self.values = {*env} - self.modules - {*self.functions}
        self.known: dict[str, Effects] = {}

    def effects(self, name: str) -> "Effects":
        """Return what calling a function, or making an object of a class, does."""
        if name not in self.known:
            self.known[name] = Effects([], self)  # where it calls itself
            body = self.functions[name].body
            self.known[name] = Effects(body, self)
        return self.known[name]


class Effects:
    """What some statements may do: the objects they change and return, and state."""

    def __init__(self, body: list[Any], scope: Scope) -> None:
        self.scope = scope
        self.holds: dict[str, set[str]] = {}  # what the object of a name may hold
        self.derived: dict[str, set[str]] = {}  # from which names it was computed
        self.changed: set[str] = set()
        self.returned: set[str] = set()
        self.called: set[str] = set()  # the objects that it calls
        self.differentiated: set[str] = set()  # the losses whose `backward` it calls
        self.state = False
        nodes = [part for node in body for part in ast.walk(node)]
        shared = {x for n in nodes if isinstance(n, SHARED) for x in n.names}
        self.local = set().union(*map(bound, body)) - shared
        self.models = {name for x in nodes for name in model_names(x)}
        for node in nodes:
            self.follow(node)
        for node in nodes:
            self.look(node)
        self.changed = self.spread(self.changed)
        self.returned = self.down(self.returned)

    def follow(self, node: ast.AST) -> None:
        """Note what a binding makes names hold."""
        if isinstance(node, ast.FunctionDef):  # one within, with what it closes over
            self.holds.setdefault(node.name, set()).update(loads(node))
            return
        value = getattr(node, "value", None)
        targets: list[Any] = []
        if isinstance(node, ast.For | ast.comprehension):
            targets, value = [node.target], node.iter
        elif isinstance(node, ast.withitem):
            targets, value = [node.optional_vars], node.context_expr
        elif isinstance(node, ast.Assign):
            targets = node.targets
        elif isinstance(node, ast.AnnAssign | ast.NamedExpr | ast.AugAssign):
            targets = [node.target]
        if value is None:
            return
        names = {
            x.id
            for target in targets
            for x in ast.walk(target or ast.Pass())
            if isinstance(x, ast.Name)
        }
        for name in names:
            self.holds.setdefault(name, set()).update(held(value, self.scope))
            self.derived.setdefault(name, set()).update(loads(value))

    def down(self, names: set[str]) -> set[str]:
        """Add all that these names may hold."""
        found: set[str] = set()
        while names:
            found |= names
            names = set().union(*(self.holds.get(x, set()) for x in names)) - found
        return found

    def spread(self, names: set[str]) -> set[str]:
        """Add all that these names may hold, and then all that may hold one of them."""
        found = self.down(names)
        while more := {x for x, holds in self.holds.items() if holds & found} - found:
            found |= more
        return found

    def look(self, node: ast.AST) -> None:
        """Note what one node does."""
        if isinstance(node, ast.Attribute | ast.Subscript):
            if not isinstance(node.ctx, ast.Load):
                self.change(node)
        elif isinstance(node, ast.AugAssign):
            self.change(node.target)
        elif isinstance(node, ast.Expr) and isinstance(node.value, ast.Call):
            called_object = root(node.value.func)  # called for what it does, as a layer
            if called_object in self.scope.values:
                self.change(node.value.func)
        elif isinstance(node, SHARED):
            self.changed |= set(node.names)
        elif isinstance(node, ast.Return | ast.Yield | ast.YieldFrom) and node.value:
            self.returned |= held(node.value, self.scope)
        elif isinstance(node, ast.Call):
            self.call(node)

    def change(self, node: ast.AST) -> None:
        """Note that an object changes; of an imported module, that is state."""
        name = root(node)
        if name in self.scope.modules and name not in self.local:
            self.state = True
        elif name:
            self.changed.add(name)

    def call(self, node: ast.Call) -> None:
        """Note what a call does."""
        name = called(node)
        if isinstance(node.func, ast.Name) and name in self.scope.functions:
            inner = self.scope.effects(name)
            function = self.scope.functions[name]
            starred = any(isinstance(x, ast.Starred) for x in node.args)
            for parameter, value in given(node, function):
                if parameter in inner.changed or (starred and inner.changed):
                    self.changed |= held(value, self.scope)
                if parameter in inner.called:
                    self.called |= held(value, self.scope)
                if self.is_changing_function(value):
                    for other in node.args:
                        self.changed |= held(other, self.scope)
            own = {*parameters(function), "self"} | inner.local
            self.changed |= inner.changed - own
            self.state |= inner.state
            return
        method = isinstance(node.func, ast.Attribute)
        if isinstance(node.func, ast.Name):
            self.called.add(name)
        module = not method or root(node.func) in self.scope.modules
        if module and SETS_STATE.fullmatch(name):
            self.state = True
        if not CHANGES.fullmatch(name):
            return
        if not module:
            self.change(node.func)
        if module or name in ("apply_gradients", "apply", "shuffle"):
            self.changed |= set().union(*(held(x, self.scope) for x in arguments(node)))
        if name == "backward":
            self.differentiated.add(root(node.func) or "")
            self.changed |= self.sources(self.differentiated)

    def is_changing_function(self, node: ast.AST) -> bool:
        """Whether this names one of the page's functions that changes something."""
        name = getattr(node, "id", None)
        if not isinstance(self.scope.functions.get(name or ""), ast.FunctionDef):
            return False
        return bool(self.scope.effects(str(name)).changed)

    def sources(self, names: set[str]) -> set[str]:
        """Return the models and parameters from which these values were computed."""
        found: set[str] = set()
        while names:
            found |= names
            names = set().union(*(self.derived.get(x, set()) for x in names)) - found
        return (found & self.models) - set(self.scope.functions) - self.scope.modules


SHARED = (ast.Global, ast.Nonlocal)


def model_names(node: ast.AST) -> set[str]:
    """Return the name in `name(…)`, `name.weight`, `name.grad` or the like."""
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
        return {node.func.id}
    weights = r"weight\w*|bias\w*|grad|parameters|trainable\w*|requires_grad\w*"
    if isinstance(node, ast.Attribute) and re.fullmatch(weights, node.attr):
        return {root(node) or ""}
    return set()


def parameters(function: ast.AST) -> list[str]:
    """Return a function's parameters in order; of a class, its constructor's."""
    if isinstance(function, ast.ClassDef):
        inits = [x for x in function.body if getattr(x, "name", "") == "__init__"]
        return parameters(inits[0])[1:] if inits else []
    given = function.args  # type: ignore[attr-defined]
    return [x.arg for x in [*given.posonlyargs, *given.args, *given.kwonlyargs]]


def statements(blocks: Sequence[Block]) -> list[Statement]:
    """Return the top-level statements of these blocks, each with what it binds."""
    found: list[Statement] = []
    env: dict[str, list[Statement]] = {}
    for number, block in enumerate(blocks):
        lines = block.text.split("\n")
        try:
            body = ast.parse(block.text).body
        except SyntaxError:  # a block that is to fail
            continue
        ends = [0, *(x.end_lineno or x.lineno for x in body)]
        for node, (above, end) in zip(body, pairwise(ends), strict=True):
            shared = node.lineno <= above  # two statements on one line
            text = "\n".join(lines[above:end])
            if shared:
                text = ast.unparse(node)
            statement = Statement(node, number, text, bound(node), dict(env))
            for name in statement.binds:
                whole = isinstance(node, (*DEFINITION, *IMPORT, ast.Assign))
                env[name] = [*([] if whole else env.get(name, [])), statement]
            found.append(statement)
    return found


def direct(names: set[str], env: dict[str, list[Statement]]) -> set[Statement]:
    """Return the statements that bind these names, and those their functions name.

    A function's own names are looked up where it is called, which is `env`.
    """
    found: set[Statement] = set()
    names, done = set(names), set[str]()
    while names:
        name = names.pop()
        done.add(name)
        for statement in env.get(name, []):
            found.add(statement)
            if isinstance(statement.node, DEFINITION):
                names |= statement.names - done
    return found


class Slicer:
    """Makes the stand-alone programs of one program's blocks."""

    def __init__(self, blocks: Sequence[Block]) -> None:
        self.blocks = blocks
        self.statements = statements(blocks)
        self.uses = {x: direct(x.names, x.env) for x in self.statements}
        self.effects = {
            x: Effects([x.node], Scope(x.env)) for x in self.statements if x.is_run
        }
        self.changes = {x: self.changed_by(x) for x in self.effects}

    def changed_by(self, statement: Statement) -> set[Statement]:
        """Return the bindings whose objects a run may change."""
        own = self.effects[statement]
        seen = Effects([], own.scope)  # what is known before this statement
        for binder in {x for binders in statement.env.values() for x in binders}:
            if binder in self.effects:
                other = self.effects[binder]
                for known, more in (
                    (seen.holds, other.holds),
                    (seen.derived, other.derived),
                ):
                    for name, names in more.items():
                        known.setdefault(name, set()).update(names)
                seen.models |= other.models
                if LEARNS.search(binder.text):
                    seen.models |= binder.binds
        calls = {x for x in own.called if self.is_closure(x, statement)}
        sources = seen.sources(own.differentiated)
        changed = seen.spread(own.changed | sources | calls)
        binders_of = (x for name in changed for x in statement.env.get(name, []))
        return {x for x in binders_of if x.is_run}

    def is_closure(self, name: str, statement: Statement) -> bool:
        """Whether calling this object may change what it was made of.

        So it is with what a function returns that has functions within, or with what a
        library's function makes of one; to call a model is to read it.
        """
        for binder in statement.env.get(name, []):
            for node in ast.walk(binder.node) if binder.is_run else ():
                if isinstance(node, ast.Call):
                    maker = self.effects[binder].scope.functions.get(called(node))
                    inside = list(ast.walk(maker))[1:] if maker else []
                    if any(isinstance(x, FUNCTION) for x in inside) and isinstance(
                        maker, ast.FunctionDef
                    ):
                        return True
                    if re.fullmatch(
                        r"partial|function|jit|compile|wraps", called(node)
                    ):
                        return True
                if isinstance(node, ast.Lambda):
                    return True
        return False

    def needed(self, block: int) -> list[Statement]:
        """Return those of the statements up to a block that it needs, and its own."""
        found = [x for x in self.statements if x.block <= block]
        kept = {x for x in found if x.block == block}
        definitions = {x for x in found if not x.is_run}
        fails = {x for x in found if self.blocks[x.block].raises}
        on_files = {x for x in self.effects if x.files}
        end = dict(found[-1].env)
        size = 0
        while len(kept) > size:
            size = len(kept)
            for statement in list(kept):
                kept |= self.uses[statement]
                if statement.is_run:  # an object's methods name things when called
                    kept |= direct(statement.names, end) & definitions
            used: set[Statement] = set()
            files: set[str] = set()
            for statement in reversed(found):
                if statement in kept:
                    used |= self.uses[statement]
                    files |= statement.files
                elif (statement.is_run and statement not in fails) and (
                    self.effects[statement].state
                    or self.changes[statement] & used
                    or statement.files & files
                ):
                    kept.add(statement)
                    used |= self.uses[statement]
                    files |= statement.files
                used |= {x for x in on_files if x.files & files}
        return [x for x in found if x in kept]

    def code(self, number: int) -> str:
        """Return the code in which a block runs alone, ending with its own text."""
        text = self.blocks[number].text.strip("\n")
        if not any(x.block == number for x in self.statements):
            return text  # no Python: it fails as it stands
        pieces: list[str] = []
        previous = -1
        for statement in self.needed(number):
            if statement.block == number:
                break
            gap = "\n\n\n" if statement.block != previous else "\n"
            pieces += [gap, statement.text]
            previous = statement.block
        above = re.sub(r"\n{4,}", "\n\n\n", "".join(pieces)).strip("\n")
        return f"{above}\n\n\n{text}" if above else text
