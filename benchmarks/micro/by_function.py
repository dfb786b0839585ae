"""Which functions a request runs through, and how many instructions each of them executes itself."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from types import CodeType, FrameType
from typing import Any

from benchmarks.micro.meters import Bytecode
from benchmarks.micro.passage import Passage
from benchmarks.micro.whole_requests import FEW, MANY
from bootstrap.environments import CHECKOUT


class _ByFunction(Bytecode):
    """Counts over all stretches that are measured."""

    def __init__(self) -> None:
        super().__init__()
        self.calls: Counter[CodeType] = Counter()
        self.executed: Counter[CodeType] = Counter()

    def _entered(self, frame: FrameType, event: str, argument: object) -> Any:
        self.calls[frame.f_code] += 1
        return super()._entered(frame, event, argument)

    def _executed(self, frame: FrameType, event: str, argument: object) -> Any:
        if event == "opcode":
            self.executed[frame.f_code] += 1
        return self._executed


async def by_function(passage: Passage) -> list[str]:
    """Lines of a table, the function that executes most first."""
    few, many = _ByFunction(), _ByFunction()
    for count, meter in ((FEW, few), (MANY, many)):
        await passage.measured(count, meter)
        await passage.settle()
    lines = []
    for code in sorted(many.executed, key=lambda code: few.executed[code] - many.executed[code]):
        executed = (many.executed[code] - few.executed[code]) / (MANY - FEW)
        calls = (many.calls[code] - few.calls[code]) / (MANY - FEW)
        if executed >= 1:
            lines.append(f"{executed:9.0f}{calls:7.1f}  {code.co_qualname}  {_place(code)}")
    return lines


def _place(code: CodeType) -> str:
    path = Path(code.co_filename)
    shown = path.relative_to(CHECKOUT) if path.is_relative_to(CHECKOUT) else Path(path.name)
    return f"{shown}:{code.co_firstlineno}"
