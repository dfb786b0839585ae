"""Statements and what their analysis must be: a table, by what the statements are about."""
