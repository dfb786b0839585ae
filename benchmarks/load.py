"""The load generator: closed or open loops over several connections, in processes of their own.

A generator process connects, prepares and says that it is ready; from then on it does what it is told, over
a pipe: go, count from now on, report, stop. So several of them, and whoever watches what they load, see the
same stretch of time.
"""

from __future__ import annotations

import asyncio
import gc
import multiprocessing
import time
from multiprocessing.connection import Connection
from types import TracebackType
from typing import Self

import uvloop

from benchmarks import open_loop
from benchmarks.client import LoadClient, connect
from benchmarks.errors import BenchmarkError
from benchmarks.plan import COUNT, GO, REPORT, STOP, Load, Plan
from benchmarks.workload import workload
from frame_codec import Prepare, decode_prepared_id

_READY_SECONDS = 60.0
_END_SECONDS = 60.0


class Generators:
    """The processes of one plan: connected and prepared when the ``with`` block begins, gone when it ends.

    After `stop` the load can begin again with `go`. All methods raise `BenchmarkError`, as entering does.
    """

    def __init__(self, plan: Plan) -> None:
        # Not forked: the child has no use for what this process holds, and must not share its pipes.
        context = multiprocessing.get_context("spawn")
        self._controls: list[Connection] = []
        self._processes = []
        for number in range(plan.processes):
            ours, theirs = context.Pipe()
            process = context.Process(target=_generate, args=(theirs, plan, number), daemon=True)
            process.start()
            theirs.close()
            self._controls.append(ours)
            self._processes.append(process)

    def __enter__(self) -> Self:
        try:
            for control in self._controls:
                _receive(control, _READY_SECONDS)
        except BenchmarkError:
            self.close()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def go(self) -> None:
        """Make the load."""
        self._tell(GO)

    def count(self) -> None:
        """Count from now on."""
        self._tell(COUNT)

    def report(self) -> Load:
        """What was counted; the load goes on, and counting begins anew."""
        self._tell(REPORT)
        return self._counted()

    def stop(self) -> Load:
        """Count no more, send no more; what was counted, once all is answered."""
        self._tell(STOP)
        return self._counted()

    def close(self) -> None:
        """End the processes."""
        for control in self._controls:
            control.close()
        for process in self._processes:
            process.join(1)
            if process.is_alive():
                process.kill()
                process.join()

    def _counted(self) -> Load:
        total = Load()
        for control in self._controls:
            total.add(_receive(control, _END_SECONDS))
        if not total.latencies:
            raise BenchmarkError("no request was answered while the load was measured")
        return total

    def _tell(self, command: str) -> None:
        for control in self._controls:
            try:
                control.send(command)
            except OSError:
                # It has ended; why, it has said before that.
                _receive(control, 0)


def _receive(control: Connection, seconds: float) -> Load:
    try:
        if not control.poll(seconds):
            raise BenchmarkError(f"a load generator did not answer within {seconds:g} s")
        said = control.recv()
    except (EOFError, OSError) as error:
        raise BenchmarkError("a load generator ended without a word") from error
    if not isinstance(said, Load):
        raise BenchmarkError(str(said))
    return said


# --- in the generator's process -------------------------------------------------------------------


def _generate(control: Connection, plan: Plan, number: int) -> None:
    """A generator process, number `number` of the plan's: its whole life."""
    # Nothing in the loops makes cycles, and a collection would show as a latency of the proxy.
    gc.disable()
    try:
        if plan.rate is None:
            uvloop.run(_closed_loop(control, plan, number))
        else:
            open_loop.follow(control, plan, plan.rate, number)
    except BenchmarkError as error:
        control.send(str(error))
    except (EOFError, BrokenPipeError, KeyboardInterrupt):
        pass  # whoever started us has ended, and is not waiting for a word


async def _closed_loop(control: Connection, plan: Plan, number: int) -> None:
    asked = workload(plan.workload, plan.size)
    mine = plan.connections_of(number)
    clients = [await connect(plan.host, plan.port) for _ in mine]
    # On one of them: a prepared id is the cluster's, not the connection's.
    answers = [await clients[0].ask(Prepare(text)) for text in asked.statements]
    bodies = asked.bodies([decode_prepared_id(prepared) for _, prepared in answers])
    control.send(Load())

    busy_before = 0.0
    while True:
        # On a thread: uvloop would make the pipe non-blocking, for the long report as well.
        told = await asyncio.to_thread(control.recv)
        if told == GO:
            for client, place in zip(clients, mine, strict=True):
                client.run(asked, plan.share(bodies, place), plan.window)
            continue
        if told in (REPORT, STOP):
            counted = _counted(clients, time.process_time() - busy_before)
        if told == STOP:
            for client in clients:
                client.drain()
            for client in clients:
                await client.drained()
        if told in (REPORT, STOP):
            control.send(counted)
        for client in clients:
            client.reset()
        busy_before = time.process_time()


def _counted(clients: list[LoadClient], busy: float) -> Load:
    total = Load(cpu_seconds=busy)
    for client in clients:
        total.add(Load(client.latencies, 0.0, client.errors, client.first_error))
    return total
