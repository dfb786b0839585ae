"""From a fresh checkout to a place where the project's commands run.

Uses nothing but the standard library, because it runs before anything is installed. What it makes is kept
in a cache outside the checkout, so that it is made once.
"""
