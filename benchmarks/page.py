"""RESULTS.md: the figures of a run, what they were measured with, and its pictures. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from benchmarks.figures import figure_rows
from benchmarks.report import table
from benchmarks.results import Results

_HEADINGS = ("figure", "reached", "must be", "holds", "hoped for", "so it is", "remark")
_WHAT = """\
Ratios are medians of the ratios within each round. cqlproxy has all features on (routing by token, a governor
with rules, metrics, timeouts, pinned timestamps, a journal for overflow) and writes to both clusters; HAProxy
relays to one, with one thread, and looks at nothing."""
_ALT = {
    "cost.svg": "CPU per request and requests per second by kind of request",
    "latency.svg": "latencies at fixed rates",
    "variants.svg": "CPU per INSERT in each mode of cqlproxy",
    "growth.svg": "CPU per INSERT as payload, columns, tables and statements grow",
}


def page(results: Results, pictures: Sequence[str], folder: str) -> str:
    """The page. pictures: files that stand in `folder` beside it."""
    parts = [
        "# What cqlproxy costs",
        "Written by the benchmark itself; `benchmarks/README.md` says how it measures.",
        f"- when: {results.began}\n- machine: {results.machine}\n- programs: {'; '.join(results.versions)}\n"
        f"- command: `{results.command}`\n"
        f"- all samples: [{folder}/results.json]({folder}/results.json)",
        "## The figures",
        _WHAT,
        markdown_table(_HEADINGS, figure_rows(results.figures)) if results.figures else "None was measured.",
    ]
    if results.wrong:
        parts += ["### Not to be used", "\n".join(f"- {_in_a_line(problem)}" for problem in results.wrong)]
    if results.remarks:
        parts += ["### To be known", "\n".join(f"- {remark}" for remark in results.remarks)]
    parts += [f"![{_ALT.get(picture, picture)}]({folder}/{picture})" for picture in pictures]
    if results.samples:
        parts.append("## The measurements")
        parts.append("Medians, and below them lowest and highest.")
    for part, cases in results.samples.items():
        for case, samples in cases.items():
            if samples:
                parts.append(f"### {part}: {case}\n\n```\n{table(samples)}\n```")
    return "\n\n".join(parts) + "\n"


def markdown_table(headings: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A table of Markdown; what would end a cell is escaped."""
    lines = [headings, ["---"] * len(headings), *rows]
    return "\n".join(f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in line)} |" for line in lines)


def _in_a_line(text: str) -> str:
    return " ".join(text.split())
