"""How long steps take and how much memory they need, on a machine that is not quiet.

Time. Variants take turns, a few steps each, so that whatever slows the machine slows them
alike. What is reported is the median of each, and how much longer a step takes than the first
variant's: the median over the rounds of the quotient within a round. The processor time of all
threads is measured too. It counts the work that is done and not the waiting for processors
that other programs have, so it is what to compare when a machine is busy.

Memory. The peak of the resident set is a property of a process, so each variant gets one of
its own. Linux lets a process set its peak back to what is resident now
(`/proc/self/clear_refs`); what is reported is how far the peak is above that.
"""

from __future__ import annotations

import dataclasses
import multiprocessing
import statistics
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

Step = Callable[[], Any]


@dataclasses.dataclass(frozen=True)
class StepTime:
    """Time of a step.

    Attributes:
        ms: Median wall time, milliseconds.
        cpu_ms: Median processor time of all threads, milliseconds.
        over: Wall time over that of the first variant, less 1.
        cpu_over: The same of the processor time.
    """

    ms: float
    cpu_ms: float
    over: float
    cpu_over: float


def time_in_turns(steps: Sequence[Step], seconds: float, rounds: int = 5) -> list[StepTime]:
    """Times functions in turns.

    Args:
        steps: The functions; the first is what the others are compared with.
        seconds: How long to measure each, about.
        rounds: Least number of turns.

    Returns:
        The time of each.
    """
    for step in steps:  # compiles, and sets masks
        step()
        step()
    calls = max(1, round(0.2 / _once(steps[0])[0]))
    measured: list[list[tuple[float, float]]] = [[] for _ in steps]
    end = time.perf_counter() + seconds * len(steps)
    while len(measured[-1]) < rounds or time.perf_counter() < end:
        for step, times in zip(steps, measured, strict=True):
            step()  # brings back into the caches what the others have displaced
            times.append(_mean(step, calls))
    return [_step_time(times, measured[0]) for times in measured]


def in_new_process(function: Callable[..., Any], *arguments: Any) -> Any:
    """Calls a function in a process of its own, which ends with it.

    Raises:
        RuntimeError: If the process ended without an answer, for lack of memory say.
        Exception: What the function raises.
    """
    context = multiprocessing.get_context("spawn")
    receiver, sender = context.Pipe(duplex=False)
    process = context.Process(target=_answer, args=(sender, function, arguments))
    process.start()
    sender.close()
    try:
        answer = receiver.recv()
    except EOFError:
        process.join()
        raise RuntimeError(f"{function.__name__} ended with code {process.exitcode}") from None
    process.join()
    if isinstance(answer, BaseException):
        raise answer
    return answer


def peak_mib(work: Callable[[], None]) -> float | None:
    """How far memory rises above what it is now while something is done.

    Returns:
        MiB; None where the system does not tell.
    """
    try:
        Path("/proc/self/clear_refs").write_text("5")
    except OSError:
        return None
    before = _status("VmRSS")
    work()
    return (_status("VmHWM") - before) / 1024


def _answer(sender: Any, function: Callable[..., Any], arguments: Sequence[Any]) -> None:
    try:
        sender.send(function(*arguments))
    except Exception as error:
        sender.send(error)


def _status(name: str) -> int:
    """A line of `/proc/self/status`, in KiB."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith(name + ":"))


def _once(step: Step) -> tuple[float, float]:
    wall, processor = time.perf_counter(), time.process_time()
    step()
    return time.perf_counter() - wall, time.process_time() - processor


def _mean(step: Step, calls: int) -> tuple[float, float]:
    times = [_once(step) for _ in range(calls)]
    return sum(wall for wall, _ in times) / calls, sum(cpu for _, cpu in times) / calls


def _step_time(times: list[tuple[float, float]], base: list[tuple[float, float]]) -> StepTime:
    def over(kind: int) -> float:
        return statistics.median(t[kind] / b[kind] for t, b in zip(times, base, strict=True)) - 1

    wall, cpu = (statistics.median(t[kind] for t in times) for kind in (0, 1))
    return StepTime(1000 * wall, 1000 * cpu, over(0), over(1))
