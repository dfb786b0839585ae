"""How a program in Python says a line of its transcript, and asks its starter for something."""

import json
import sys


def say(line: dict[str, object]) -> None:
    """A line for the transcript."""
    print(json.dumps(line, ensure_ascii=False), flush=True)


def ask(what: str) -> None:
    """Have the starter do something, and wait until it is done."""
    say({"ask": what})
    sys.stdin.readline()
