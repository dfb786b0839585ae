"""The program in docs/migration.md, run as it stands there against a running admin server."""

from __future__ import annotations

import asyncio
import inspect
import re
import textwrap
from collections.abc import Callable, Coroutine
from pathlib import Path

import pytest

from cqlproxy.modes import Mode
from tests.unit.client.proxies import running_proxies

PAGE = Path(__file__).parents[3] / "docs" / "migration.md"


def test_it_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    (block,) = re.findall(r"```python\n(.*?)```", PAGE.read_text(), re.DOTALL)
    monkeypatch.chdir(tmp_path)
    asked: list[str] = []

    async def ask_somebody(question: str) -> bool:
        asked.append(question)
        return True

    with running_proxies(Mode.PRIMARY_ONLY) as (proxy,):
        steps = "".join(f"  - {{to: {mode}, when: {{confirm: 'There?'}}}}\n" for mode in list(Mode)[1:])
        (tmp_path / "migration.yaml").write_text(f"proxies: ['{proxy.url}']\nsteps:\n{steps}")
        program = block.replace("http://127.0.0.1:8080", proxy.url)
        names: dict[str, object] = {"ask_somebody": ask_somebody, "token": None}
        exec(f"async def main():\n{textwrap.indent(program, '    ')}", names)
        main = names["main"]
        assert inspect.iscoroutinefunction(main)
        run: Callable[[], Coroutine[object, object, None]] = main
        asyncio.run(run())
        assert proxy.modes.mode is Mode.SHADOW_PRIMARY
    assert capsys.readouterr().out == "0.0\n"
    assert asked == ["There?"] * 3
