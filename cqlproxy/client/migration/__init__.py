"""A migration, phase by phase: its plan, the conditions of each step, a journal of what was done."""
