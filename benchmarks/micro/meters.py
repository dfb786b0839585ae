"""What can be measured of a stretch of code in this process: calls, bytecode, memory that it holds, time.

All but time are exact: the same code gives the same counts, whatever else the machine does.
"""

from __future__ import annotations

import gc
import sys
from collections.abc import Callable
from time import process_time_ns
from types import FrameType
from typing import Any, Protocol

_Tracer = Callable[[FrameType, str, Any], Any]


class Meter(Protocol):
    """Measures what runs between `begin` and `end`, as often as one likes."""

    def begin(self) -> None: ...

    def end(self) -> float: ...


class PythonCalls:
    """Calls of Python functions, as the interpreter's hook for profilers tells of them."""

    event = "call"

    def __init__(self) -> None:
        self._calls = 0
        self._others = sys.getprofile()

    def begin(self) -> None:
        self._calls = 0
        self._others = sys.getprofile()
        sys.setprofile(self._called)

    def end(self) -> float:
        sys.setprofile(self._others)
        return self._calls

    def _called(self, frame: FrameType, event: str, argument: object) -> None:
        self._calls += event == self.event


class CompiledCalls(PythonCalls):
    """Calls that Python code makes of builtins, their methods and extensions; constructors are not seen."""

    event = "c_call"


class Bytecode:
    """Instructions that the interpreter executes, as its hook for debuggers tells of them."""

    def __init__(self) -> None:
        self._instructions = 0
        self._others = sys.gettrace()

    def begin(self) -> None:
        self._instructions = 0
        self._others = sys.gettrace()
        sys.settrace(self._entered)

    def end(self) -> float:
        sys.settrace(self._others)
        return self._instructions

    def _entered(self, frame: FrameType, event: str, argument: object) -> _Tracer:
        frame.f_trace_opcodes = True
        frame.f_trace_lines = False
        return self._executed

    def _executed(self, frame: FrameType, event: str, argument: object) -> _Tracer:
        self._instructions += event == "opcode"
        return self._executed


class HeldBlocks:
    """Allocations of at most 512 bytes that are not freed; less than 0 when more of the earlier ones are.

    Not among them is what the interpreter keeps of freed tuples, lists and numbers, until it collects.
    """

    def __init__(self) -> None:
        self._before = 0

    def begin(self) -> None:
        gc.collect()
        self._before = sys.getallocatedblocks()

    def end(self) -> float:
        gc.collect()
        return sys.getallocatedblocks() - self._before


class HeldContainers:
    """Objects that the garbage collector has to watch, as above."""

    def __init__(self) -> None:
        self._before = 0

    def begin(self) -> None:
        gc.collect()
        self._before = len(gc.get_objects())

    def end(self) -> float:
        gc.collect()
        return len(gc.get_objects()) - self._before


class ProcessorTime:
    """Processor time of all threads of this process, in seconds."""

    def __init__(self) -> None:
        self._began = 0

    def begin(self) -> None:
        self._began = process_time_ns()

    def end(self) -> float:
        return (process_time_ns() - self._began) / 1e9
