"""A page's program does what the same text does as a script: each is run both ways.

`# %%` begins another block, `# %% raises` one that fails and is meant to.
"""

import re
from textwrap import dedent

import pytest

from pagecode.run import sandbox
from pagecode.run.process import Process
from pagecode.run.script import script
from tests.conftest import Site

PROGRAMS = {
    "annotations of the future": r"""
        from __future__ import annotations
        from dataclasses import dataclass
        # %%
        @dataclass
        class Node:
            value: int
            parent: Node | None = None


        print(Node(1, Node(2)))
        # %%
        def f(x: Missing): ...


        print(f.__annotations__, __annotations__)
    """,
    "all of the future": r'''
        """What it is."""
        from __future__ import division
        from __future__ import barry_as_FLUFL, annotations as later
        # %%
        x: Missing = 1
        print(division, later, __doc__, 1 != 2)
    ''',
    "docstring": r'''
        # A comment.
        """What it is."""
        print(__doc__)
        # %%
        """No docstring."""
        print(__doc__)
    ''',
    "no docstring": r"""
        x = 1
        'not it'
        # %%
        'nor this'
        print(__doc__)
    """,
    "error of the compiler's second pass": r"""
        x = 1
        # %% raises
        print(2)


        def change():
            x = 2
            global x
        # %%
        print(x)
    """,
    "error of the parser": r"""
        print(1)
        # %% raises
        print(2)
        x = = 3
        # %%
        print(4)
    """,
    "return outside a function": r"""
        print(1)
        # %% raises
        print(2)
        return
        # %%
        print(3)
    """,
    "text that keeps its place where it fails": r'''
        # %% raises
        x = """
          one
        two"""
        f = f"""
        {x}
        """
        print(x, f)
        1 / 0
        # %%
        print(x, f)
    ''',
    "warnings": r"""
        import warnings


        def show(message, kind, *_):
            print(kind, message)


        warnings.showwarning = show
        # %%
        for x in range(3):
            warnings.warn('once')
        # %%
        warnings.warn('again')
        print(eval('1 is 1'))
        # %%
        warnings.simplefilter('error')
        # %%
        print('\d')
    """,
    "source": r'''
        import inspect


        class Net:
            size = 3

            class Part:
                def forward(self):
                    return 1


        print(inspect.getsource(Net))
        # %%
        print(inspect.getsource(Net.Part), inspect.getsource(Net.Part.forward))
        # %%
        f = lambda x: x + 1  # this line
        print(inspect.getsource(f))
        # %%
        import os
        os.chdir('/')


        @staticmethod
        def g():
            """A text."""


        print(inspect.getsource(g), inspect.getsourcelines(Net)[1])
        # %%
        print(len(inspect.getsource(inspect.getmodule(g))) > 400)
    ''',
    "source of what a failing block defines": r'''
        import inspect
        # %% raises
        class A:
            """A
            text."""


        def f():
            return 1


        1 / 0
        # %%
        print(inspect.getsource(f), inspect.getsource(A))
    ''',
    "traceback": r"""
        import sys
        import traceback


        def f():
            return 1 / 0
        # %%
        try:
            f()
        except ZeroDivisionError:
            lines = traceback.format_exc().splitlines()
        print([x for x in lines if 'File' not in x])
        print(sys.exc_info())
    """,
    "type hints": r"""
        import typing


        class A:
            next: 'B'
        # %%
        class B: ...


        print(typing.get_type_hints(A))
    """,
    "its names": r"""
        import os
        import sys
        print(__name__, sys.argv, os.path.basename(__file__))
        # %%
        print(sorted(globals()), __spec__, __package__, __cached__)
        # %%
        print(__file__ == os.path.join(os.getcwd(), sys.argv[0]), type(__loader__))
        # %%
        print(sys.path[0] == os.getcwd(), sys.flags, sys.warnoptions)
        # %%
        print(sys.modules['__main__'].__dict__ is globals(), __builtins__)
        # %%
        print(sys.stdout.name, sys.stdout.mode, sys.stdout.encoding)
        print(sys.stdout.errors, sys.stdout.fileno(), sys.stdout.isatty())
        # %%
        print(sys.stdin.read() == '', sorted(os.listdir()))
        # %%
        y: int = 1
        print(__annotations__)
    """,
    "imports of itself": r"""
        x = 1
        # %%
        from __main__ import x as y
        import __main__
        print(y, __main__.x, x)
        # %%
        from math import *
        print(sqrt(4.0), 'sqrt' in globals())
        del sqrt
        print('sqrt' in globals())
    """,
    "doctests": r'''
        import doctest


        def f(x):
            """
            >>> f(1)
            2
            """
            return x + 1


        print(doctest.testmod())
    ''',
    "pickle": r"""
        import collections
        import enum
        import pickle


        class A(enum.Enum):
            B = 1


        Point = collections.namedtuple('Point', 'x y')
        print(Point)
        # %%
        print(pickle.loads(pickle.dumps([A.B, Point(1, 2)])), pickle.dumps(A.B, 0))
    """,
    "module that it writes": r"""
        from pathlib import Path
        _ = Path('helper.py').write_text('print(__name__)')
        # %%
        import helper
        # %%
        import subprocess
        import sys
        sys.stdout.flush()
        _ = subprocess.run([sys.executable, '-m', 'helper'])
    """,
    "statements": r"""
        def f(x=print('default')):
            yield 1
            yield 2


        numbers = f()
        # %%
        print(next(numbers))
        # %%
        print(next(numbers), list(numbers))
        # %%
        import functools


        def told(f):
            print('decorated')
            return f


        @told
        @functools.cache
        def g():
            return 1


        print(g(), g())
        # %%
        if (n := 10) > 5:
            print(n)
        else:
            print('no')
        # %%
        match [1, 2]:
            case [a, b]:
                print(a, b)
        # %%
        x: int
        print('x' in globals())
        # %%
        def outer():
            def inner():
                global made
                made = 1
            inner()


        outer()
        print(made)
    """,
    "asyncio": r"""
        import asyncio


        async def f():
            await asyncio.sleep(0)
            return 1
        # %%
        print(asyncio.run(f()))
        # %%
        async def g():
            return await asyncio.gather(f(), asyncio.to_thread(int))


        print(asyncio.run(g()))
    """,
    "alarm": r"""
        import signal
        import time


        def ring(*_):
            raise TimeoutError('late')


        _ = signal.signal(signal.SIGALRM, ring)
        # %%
        signal.setitimer(signal.ITIMER_REAL, 0.05)
        try:
            time.sleep(5)
        except TimeoutError as error:
            print(error)
        # %%
        print(signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGUSR2))
    """,
    "standard output wrapped anew": r"""
        import io
        import sys

        sys.stdout = io.TextIOWrapper(sys.stdout.buffer, encoding='utf-8')
        print('one')
        # %%
        print('two')
        # %%
        x = 3
    """,
    "standard output detached": r"""
        import io
        import sys
        print('zero')
        # %%
        sys.stdout = io.TextIOWrapper(sys.stdout.detach(), encoding='utf-8')
        print('one')
        # %%
        print('two')
    """,
    "standard output replaced over blocks": r"""
        import io
        import sys

        kept, sys.stdout = sys.stdout, io.StringIO()
        print('hidden')
        # %%
        text, sys.stdout = sys.stdout.getvalue(), kept
        print('shown', text)
        # %%
        print('real', file=sys.__stdout__)
    """,
    "standard output that cannot be flushed": r"""
        import sys


        class Loud:
            def write(self, text):
                return sys.__stdout__.write(text.upper())


        sys.stdout = Loud()
        # %%
        print('one')
        # %%
        sys.stdout = sys.__stdout__
        print('two')
    """,
    "standard output redirected": r"""
        import os
        import sys

        sys.stdout.flush()
        kept = os.dup(1)
        file = os.open('log', os.O_WRONLY | os.O_CREAT)
        _ = os.dup2(file, 1)
        print('hidden', flush=True)
        _ = os.system('echo hidden too')
        _ = os.dup2(kept, 1)
        print('shown', open('log').read())
    """,
    "standard output redirected over blocks": r"""
        import os
        print('one', flush=True)
        kept = os.dup(1)
        copy = os.fdopen(os.dup(1), 'w', buffering=1)
        # %%
        _ = copy.write('two\n')
        file = os.open('log', os.O_WRONLY | os.O_CREAT)
        _ = os.dup2(file, 1)
        print('hidden', flush=True)
        # %%
        _ = copy.write('three\n')
        _ = os.dup2(kept, 1)
        # %%
        print('four')
    """,
    "standard output redirected for good": r"""
        import os
        import sys

        print('shown', flush=True)
        file = os.open('log', os.O_WRONLY | os.O_CREAT)
        _ = os.dup2(file, 1)
        # %%
        print('hidden', flush=True)
        _ = os.system('echo hidden too')
        # %%
        x = open('log').read()
    """,
    "logging": r"""
        import logging
        import sys

        logging.basicConfig(stream=sys.stdout, format='%(message)s', level=20)
        # %%
        logging.info('one')
        print('between')
        # %%
        logging.info('two')
    """,
    "bytes and pieces": r"""
        import sys
        _ = sys.stdout.buffer.write(b'one\n')
        sys.stdout.flush()
        # %%
        print('two', end='')
        # %%
        print()
    """,
    "thread": r"""
        import threading
        thread = threading.Thread(target=print, args=['thread'])
        thread.start()
        thread.join()
        print('main')
        # %%
        from concurrent.futures import ThreadPoolExecutor
        with ThreadPoolExecutor(1) as pool:
            _ = list(pool.map(print, 'ab'))
    """,
    "fork": r"""
        import os
        import sys
        sys.stdout.flush()
        if os.fork() == 0:
            print('child', flush=True)
            os._exit(0)
        _ = os.wait()
        print('parent')
        # %%
        sys.stdout.flush()
        if os.fork() == 0:
            sys.exit(3)
        print(os.waitstatus_to_exitcode(os.wait()[1]))
    """,
    "forked process": r"""
        import multiprocessing


        def square(x):
            return x * x
        # %%
        context = multiprocessing.get_context('fork')
        with context.Pool(1) as pool:
            print(pool.map(square, [1, 2]))
    """,
    "spawned process": r"""
        import multiprocessing


        def square(x):
            return x * x
        # %%
        context = multiprocessing.get_context('spawn')
        if __name__ == "__main__":
            with context.Pool(1) as pool:
                print(pool.map(square, [1, 2]))
        # %%
        if __name__ == "__main__":
            process = context.Process(target=print, args=['spawned'])
            process.start()
            process.join()
            print(process.exitcode)
    """,
    "process of a server of forks": r"""
        import multiprocessing


        def square(x):
            return x * x
        # %%
        context = multiprocessing.get_context('forkserver')
        if __name__ == "__main__":
            with context.Pool(1) as pool:
                print(pool.map(square, [1, 2]))
    """,
    "executor of processes": r"""
        from concurrent.futures import ProcessPoolExecutor
        from dataclasses import dataclass


        @dataclass
        class A:
            x: int
        # %%
        def next_one(a):
            return A(a.x + 1)
        # %%
        if __name__ == "__main__":
            with ProcessPoolExecutor(1) as pool:
                print(list(pool.map(next_one, [A(1), A(2)])))
        # %%
        if __name__ == "__main__":
            print('so far')
    """,
    "error of a spawned process": r"""
        import multiprocessing


        def fail(x):
            raise ValueError(x)
        # %%
        if __name__ == "__main__":
            with multiprocessing.get_context('spawn').Pool(1) as pool:
                try:
                    pool.map(fail, ['no'])
                except ValueError as error:
                    print(error)
    """,
    "what a spawned process imports": r"""
        import multiprocessing
        print(__name__)
        # %% raises
        1 / 0
        # %%
        if __name__ == "__main__":
            p = multiprocessing.get_context('spawn').Process(target=int)
            p.start()
            p.join()
    """,
    "start method of its own": r"""
        import multiprocessing


        def square(x):
            return x * x
        # %%
        if __name__ == "__main__":
            multiprocessing.set_start_method('fork')
            print(multiprocessing.get_start_method())
            with multiprocessing.Pool(1) as pool:
                print(pool.map(square, [1, 2]))
    """,
    "shared memory": r"""
        from multiprocessing import shared_memory
        # %%
        memory = shared_memory.SharedMemory(create=True, size=4)
        memory.buf[0] = 7
        print(memory.buf[0])
        memory.close()
        memory.unlink()
    """,
    "error that comes when a process ends": r"""
        import atexit


        def fail():
            raise ValueError


        _ = atexit.register(fail)
        # %%
        print('end')
    """,
    "errors": r"""
        # %% raises
        error = ValueError('bad shape')
        error.add_note('in layer 3')
        raise error
        # %% raises
        raise ExceptionGroup('several', [ValueError(1), KeyError(2)])
        # %% raises
        raise SystemExit
        # %% raises
        raise SystemExit('stopped')
        # %% raises
        import sys
        sys.exit(3)
        # %% raises
        raise KeyboardInterrupt
        # %% raises
        raise ValueError('first line\nsecond line')
        # %% raises
        class OddError(Exception):
            pass


        raise OddError
        # %% raises
        {}['key']
        # %% raises
        try:
            1 / 0
        except ZeroDivisionError as error:
            raise RuntimeError('after it') from error
        # %% raises
        print(undefined_name)
        # %% raises
        eval('1 +')
        # %% raises
        text = 'has no end
        # %% raises
        # A comment, for lines are counted from here.
        def empty():
        return 1
        # %%
        print('still', end=' ')
        print('here')
    """,
}


@pytest.mark.parametrize("name", PROGRAMS)
def test_page_prints_what_the_script_prints(site: Site, name: str) -> None:
    _, *parts = re.split(r"(?m)^# %%(.*)\n", f"# %%\n{dedent(PROGRAMS[name])[1:]}")
    for info, code in zip(parts[::2], parts[1::2], strict=True):
        if code:
            site.add(code.rstrip("\n"), info=info.strip())
    [program] = site.page().programs
    made = script(program)
    ran = sandbox.run(site.root, {made.name: made.text}, made.name, limit=60)
    assert (ran.status, ran.stderr.count("bootstrapping phase")) == (0, 0), ran.stderr
    with Process(program, site.root) as process:
        results = dict(process.follow())
    errors = [x.error for x in results.values() if x.error]
    assert len(errors) == sum(x.raises for x in program.blocks), errors
    printed = [f"{x.text}{x.error}\n" if x.error else x.text for x in results.values()]
    assert "".join(printed) == ran.stdout
