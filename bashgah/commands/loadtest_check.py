"""`bashgah loadtest check`: does a target file hold, and how does each message of it look?"""

import time

from bashgah.commands.loadtest_options import TargetName
from loadtest._script import Script
from loadtest.tables import Compiler
from loadtest.target import load_target
from loadtest.workload import Scenario, Step, Workload
from switch.iso8583 import describe


def command(target: TargetName) -> None:
    """Render one message of each kind and show it element by element, card data masked.

    Connects to nothing. Exit code 2 names what is wrong, and where in the file.
    """
    loaded, folder = load_target(target)
    compiler = Compiler(loaded, folder)
    now_s = int(time.time())
    for kind in loaded.kinds:
        for pin in (False, True) if loaded.pin else (False,):
            alone = Scenario(
                name=kind,
                weight=1,
                pin=pin,
                cards=next(iter(loaded.cards)),
                step=(Step(kind=kind),),
            )
            tables = compiler.tables(
                Workload(name="check", scenario=(alone,)), seed=1, connections=1, begin_s=now_s
            )
            print(f"{kind}{', with a PIN' if pin else ''}")
            print(describe(Script(tables).render(0, 0, now_s), compiler.spec))
            print()
