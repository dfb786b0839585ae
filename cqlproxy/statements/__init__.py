"""What a CQL text does: its kind, tables, bind markers, conditions, functions. From tokens, without I/O."""

from cqlproxy.statements.analysis import analyse
from cqlproxy.statements.batches import kept_markers, without
from cqlproxy.statements.cache import LONGEST_KEPT, StatementCache
from cqlproxy.statements.lexer import fold
from cqlproxy.statements.plain_values import PlainValues
from cqlproxy.statements.read_clauses import ReadClauses, read_clauses
from cqlproxy.statements.repetition import depends_on_keyspace, is_in_turn, is_repeatable
from cqlproxy.statements.sources import tenant_sources
from cqlproxy.statements.statement import (
    BatchHeader,
    BatchKind,
    Binding,
    Condition,
    Expression,
    FunctionCall,
    Kind,
    Literal,
    LiteralKind,
    Marker,
    Operator,
    Parameter,
    Selected,
    Span,
    Statement,
    TableName,
    Term,
    Using,
)
from cqlproxy.statements.ttl import TtlPlace, ttl_place

__all__ = [
    "LONGEST_KEPT",
    "BatchHeader",
    "BatchKind",
    "Binding",
    "Condition",
    "Expression",
    "FunctionCall",
    "Kind",
    "Literal",
    "LiteralKind",
    "Marker",
    "Operator",
    "Parameter",
    "PlainValues",
    "ReadClauses",
    "Selected",
    "Span",
    "Statement",
    "StatementCache",
    "TableName",
    "Term",
    "TtlPlace",
    "Using",
    "analyse",
    "depends_on_keyspace",
    "fold",
    "is_in_turn",
    "is_repeatable",
    "kept_markers",
    "read_clauses",
    "tenant_sources",
    "ttl_place",
    "without",
]
