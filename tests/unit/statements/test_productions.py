"""Each production of the reference of CQL of Cassandra 5 is in the corpus, in a statement that is understood.

The names are those of the reference's grammar. A production is told by a pattern for a text of which it is
all, or a part between the words that must be around it.
"""

from __future__ import annotations

import re
from typing import Final

import pytest

from cqlproxy.statements import Kind
from tests.unit.statements.corpus import batches, definitions, reads, writes

CASES = [*writes.CASES, *reads.CASES, *definitions.CASES]
CASES += [case.whole for case in batches.CASES]
TEXTS = [" ".join(case.text.split()) for case in CASES if case.kind is not Kind.UNKNOWN]

NAME: Final = r'(?:\w+|"[^"]+")'
TABLE: Final = rf"(?:{NAME}\.)?{NAME}"
IF_EXISTS: Final = "(?:IF EXISTS )?"
IF_NOT_EXISTS: Final = "(?:IF NOT EXISTS )?"
OR_REPLACE: Final = "(?:OR REPLACE )?"

VERB: Final = "(?:INSERT|UPDATE|DELETE)"
VIEW: Final = "MATERIALIZED VIEW"

PERMISSIONS: Final = [
    *("CREATE", "ALTER", "DROP", "SELECT", "MODIFY"),
    *("AUTHORIZE", "DESCRIBE", "EXECUTE", "SELECT_MASKED"),
]
NATIVE_TYPES: Final = [
    *("ascii", "bigint", "blob", "boolean", "date", "decimal", "double", "duration", "float", "inet", "int"),
    *("smallint", "text", "time", "timestamp", "timeuuid", "tinyint", "uuid", "varchar", "varint"),
]

PRODUCTIONS: Final = {
    # statements: definitions of data
    "cql_statement": r".*;",
    "use_statement": rf"USE {NAME}",
    "create_keyspace_statement": rf"CREATE KEYSPACE {IF_NOT_EXISTS}{NAME} WITH .*",
    "alter_keyspace_statement": rf"ALTER KEYSPACE {IF_EXISTS}{NAME} WITH .*",
    "drop_keyspace_statement": rf"DROP KEYSPACE {IF_EXISTS}{NAME}",
    "create_table_statement": rf"CREATE TABLE {IF_NOT_EXISTS}{TABLE} \(.*",
    "column_definition STATIC": r"CREATE TABLE .*\w+ \w+ STATIC.*",
    "column_definition PRIMARY KEY": r"CREATE TABLE .*\w+ \w+ PRIMARY KEY.*",
    "column_definition MASKED": r"CREATE TABLE .* MASKED WITH .*",
    "primary_key": r"CREATE TABLE .*, PRIMARY KEY \(.*",
    "partition_key": r"CREATE TABLE .*PRIMARY KEY \(\(\w+, \w+\).*",
    "clustering_columns": r"CREATE TABLE .*PRIMARY KEY \(.*\w, \w+\)\).*",
    "table_options COMPACT STORAGE": r"CREATE TABLE .* WITH COMPACT STORAGE.*",
    "clustering_order": r"CREATE TABLE .*CLUSTERING ORDER BY \(\w+ (ASC|DESC), \w+ (ASC|DESC)\).*",
    "options": r"CREATE TABLE .* AND \w+ = .*",
    "option identifier or constant": r"(CREATE|ALTER) TABLE .* (WITH|AND) \w+ = \w+.*",
    "option map_literal": r"(CREATE|ALTER) TABLE .* (WITH|AND) \w+ = \{.*",
    "alter_table_statement": rf"ALTER TABLE {IF_EXISTS}{TABLE} .*",
    "alter_table_instruction ADD": r"ALTER TABLE \S+ ADD .*",
    "alter_table_instruction ADD IF NOT EXISTS": r"ALTER TABLE \S+ ADD IF NOT EXISTS .*",
    "alter_table_instruction DROP": r"ALTER TABLE .* DROP \w+.*",
    "alter_table_instruction RENAME": r"ALTER TABLE .* RENAME IF EXISTS \w+ TO \w+ AND \w+ TO \w+",
    "alter_table_instruction WITH": r"ALTER TABLE \S+ WITH .*",
    "alter_table_instruction ALTER": r"ALTER TABLE .* ALTER .*MASKED.*",
    "drop_table_statement": rf"DROP TABLE {IF_EXISTS}{TABLE}",
    "truncate_statement": rf"TRUNCATE TABLE {TABLE};?",
    # types
    "native_type": r"CREATE TABLE .*" + "".join(rf"(?=.*\b{name}\b)" for name in NATIVE_TYPES) + ".*",
    "native_type COUNTER": r"CREATE TABLE .*\bcounter\b.*",
    "collection_type MAP": r".*\bmap<\w+, ?.*>.*",
    "collection_type SET": r".*\bset<\w+>.*",
    "collection_type LIST": r".*\blist<\w+>.*",
    "collection_type FROZEN": r".*\bfrozen<.*",
    "tuple_type": r".*\btuple<\w+, \w+>.*",
    "tuple_literal": r"INSERT .*VALUES \(.*\(1, .*",
    "vector_type": r".*\bvector<float, \d+>.*",
    "custom_type": r"CREATE TABLE .* '[\w.]+'.*",
    "user_defined_type": r"CREATE TABLE .*\bfrozen<address>.*",
    "create_type_statement": rf"CREATE TYPE {IF_NOT_EXISTS}{TABLE} \(.*",
    "field_definition": r"CREATE TYPE .*\(\w+ \w+, .*",
    "alter_type_statement": rf"ALTER TYPE {IF_EXISTS}{TABLE} .*",
    "alter_type_modification ADD": r"ALTER TYPE .* ADD .*",
    "alter_type_modification RENAME": r"ALTER TYPE .* RENAME .* TO .* AND .* TO .*",
    "drop_type_statement": rf"DROP TYPE {IF_EXISTS}{TABLE}",
    # reads
    "select_statement": r"SELECT .*",
    "select_statement JSON": r"SELECT JSON .*",
    "select_statement DISTINCT": r"SELECT DISTINCT .*",
    "select_statement PER PARTITION LIMIT": r"SELECT .* PER PARTITION LIMIT .* LIMIT .*",
    "select_statement ALLOW FILTERING": r"SELECT .* ALLOW FILTERING",
    "select_clause AS": r"SELECT \w+ AS \w+, .*",
    "selector column_name": r"SELECT \w+ FROM .*",
    "selector term": r"SELECT .*'x'.* FROM .*",
    "selector CAST": r"SELECT CAST\(\w+ AS \w+\).*",
    "selector function_name": r"SELECT .*\w+\(\w+, \w+\).*",
    "selector COUNT": r"SELECT count\(\*\) .*",
    "where_clause": r"SELECT .* WHERE .* AND .*",
    "relation column_name": r".* WHERE \w+ = .*",
    "relation columns": r".* WHERE .*\(\w+, \w+\) (=|IN|>) .*",
    "relation TOKEN": r".* WHERE token\(\w+(, \w+)*\) .*",
    **{f"operator {sign}": rf".* (WHERE|AND|IF) \S+ {sign} .*" for sign in ("=", "<", ">", "<=", ">=", "!=")},
    "operator IN": r".* (WHERE|AND) \w+ IN \(.*",
    "operator NOT IN": r".* WHERE \w+ NOT IN .*",
    "operator CONTAINS": r".* \w+ CONTAINS '?\S.*",
    "operator CONTAINS KEY": r".* \w+ CONTAINS KEY .*",
    "operator BETWEEN": r".* \w+ BETWEEN .* AND .*",
    "operator LIKE": r".* \w+ LIKE .*",
    "group_by_clause": r"SELECT .* GROUP BY \w+, \w+.*",
    "ordering_clause": r"SELECT .* ORDER BY \w+ DESC, \w+ ASC.*",
    "ordering_clause ANN": r"SELECT .* ORDER BY \w+ ANN OF .*",
    # writes
    "insert_statement": rf"INSERT INTO {TABLE} .*",
    "names_values": rf"INSERT INTO {TABLE} \(\w+, \w+\) VALUES \(.*",
    "json_clause": r"INSERT INTO \S+ JSON '.*",
    "json_clause DEFAULT NULL": r"INSERT .*JSON .* DEFAULT NULL.*",
    "json_clause DEFAULT UNSET": r"INSERT .*JSON .* DEFAULT UNSET",
    "insert_statement IF NOT EXISTS": r"INSERT .* IF NOT EXISTS.*",
    "update_statement": rf"UPDATE {TABLE} (USING .*)?SET .* WHERE .*",
    "update_parameter TTL": r".* USING .*TTL \S+.*",
    "update_parameter TIMESTAMP": r".* USING .*TIMESTAMP \S+.*",
    "assignment term": r"UPDATE .* SET \w+ = \S+ WHERE .*",
    "assignment column and term": r"UPDATE .* SET (\w+) = \1 [+-] .*",
    "assignment list and column": r"UPDATE .* SET (\w+) = \[.*\] \+ \w+ .*",
    "simple_selection element": r"UPDATE .* SET \w+\[.*\] = .*",
    "simple_selection field": r"UPDATE .* SET \w+\.\w+ = .*",
    "condition": r"UPDATE .* IF \w+ = .* AND \w+ .*",
    "condition EXISTS": r"UPDATE .* IF EXISTS",
    "delete_statement": r"DELETE FROM .* WHERE .*",
    "delete_statement simple_selection": r"DELETE \w+, \w+ FROM .*",
    "delete_statement element": r"DELETE \w+\[.*\].* FROM .*",
    "delete_statement USING": r"DELETE .* USING TIMESTAMP .*",
    "delete_statement IF": r"DELETE .* IF \w+ = .*",
    "batch_statement": r"(?i)BEGIN BATCH .*APPLY BATCH;?",
    "batch_statement UNLOGGED": r"(?i)BEGIN UNLOGGED BATCH .*",
    "batch_statement COUNTER": r"(?i)BEGIN COUNTER BATCH .*",
    "batch_statement USING": r"(?i)BEGIN .*BATCH USING TIMESTAMP .*",
    "modification_statement": rf"(?i)BEGIN .*BATCH (USING \w+ \S+ )?{VERB} .*{VERB} .*",
    # terms
    "string": r".*'it''s'.*",
    "string $$": r".*\$\$.*'.*\$\$.*",
    "integer": r".*\(-\d+\).*",
    "float": r".*\d\.\d+.*",
    "float exponent": r".*\d[eE]-?\d+.*",
    "float NAN and INFINITY": r".*NaN, Infinity.*",
    "boolean": r".*\(true, FALSE\).*",
    "uuid": r".*[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}.*",
    "blob": r".*0x[0-9A-Fa-f]+.*",
    "NULL": r".*NULL.*",
    "duration": r".*\d+mo\d+.*",
    "duration ISO 8601": r".*\bP\d+Y.*",
    "map_literal": r"INSERT .*\{'\w+': .*\}.*",
    "set_literal": r"INSERT .*\{1, 2\}.*",
    "list_literal": r"INSERT .*\[1, 2\].*",
    "vector_literal": r"INSERT .*\[0\.\d, -?0\.\d.*",
    "udt_literal": r"INSERT .*\{street: .*\}.*",
    "function_call": r"INSERT .*VALUES \(.*\w\(1, .*",
    "arithmetic_operation": r".*\? \* 2.*",
    "arithmetic_operation -": r"SELECT .*, -\w.*",
    "arithmetic_operation %": r"SELECT .* % .*",
    "type_hint": r".*\(int\) 5.*",
    "bind_marker": r".*= \?.*",
    "bind_marker identifier": r".*:\w+.*",
    "unquoted_identifier": r".*\w+.*",
    "quoted_identifier": r'.*"\w+".*',
    "quoted_identifier with a quote": r'.*"\w+""\w+".*',
    "comment --": r".*-- .*",
    "comment //": r".*// .*",
    "comment /* */": r".*/\*.*\*/.*",
    # indexes, views, functions, triggers
    "create_index_statement": rf"CREATE INDEX {IF_NOT_EXISTS}({NAME} )?ON {TABLE} .*",
    "create_index_statement CUSTOM": r"CREATE CUSTOM INDEX .* USING '.*' WITH OPTIONS = \{.*",
    "create_index_statement USING": r"CREATE INDEX .* USING '.*",
    **{
        f"index_identifier {kind}": rf"CREATE .*INDEX .*\({kind}\(\w+\)\).*"
        for kind in ("keys", "values", "entries", "full")
    },
    "drop_index_statement": rf"DROP INDEX {IF_EXISTS}{TABLE}",
    "create_materialized_view_statement": rf"CREATE {VIEW} {IF_NOT_EXISTS}{TABLE} AS SELECT .*KEY .*",
    "alter_materialized_view_statement": rf"ALTER MATERIALIZED VIEW {IF_EXISTS}{TABLE} WITH .*",
    "drop_materialized_view_statement": rf"DROP MATERIALIZED VIEW {IF_EXISTS}{TABLE}",
    "create_function_statement": rf"CREATE {OR_REPLACE}FUNCTION {TABLE}\(.*\) CALLED ON NULL INPUT"
    r" RETURNS .* LANGUAGE .* AS .*",
    "create_function_statement RETURNS NULL": r"CREATE FUNCTION .*RETURNS NULL ON NULL INPUT .*",
    "arguments_declaration": r"CREATE .*FUNCTION .*\(\w+ \w+, \w+ \w+\) .*",
    "drop_function_statement": rf"DROP FUNCTION {IF_EXISTS}{TABLE}.*",
    "arguments_signature": r"DROP (FUNCTION|AGGREGATE) .*\(\w+, \w+\)",
    "create_aggregate_statement": rf"CREATE {OR_REPLACE}AGGREGATE {IF_NOT_EXISTS}{TABLE}\(.*\)"
    r" SFUNC .* STYPE .* FINALFUNC .* INITCOND .*",
    "drop_aggregate_statement": rf"DROP AGGREGATE {IF_EXISTS}{TABLE}.*",
    "create_trigger_statement": rf"CREATE TRIGGER {IF_NOT_EXISTS}{NAME} ON {TABLE} USING '.*'",
    "drop_trigger_statement": rf"DROP TRIGGER {IF_EXISTS}{NAME} ON {TABLE}",
    # roles
    "create_role_statement": rf"CREATE ROLE {IF_NOT_EXISTS}{NAME} WITH .*",
    "role_option PASSWORD": r"CREATE ROLE .* WITH PASSWORD = '.*",
    "role_option HASHED PASSWORD": r"CREATE ROLE .* WITH HASHED PASSWORD = '.*",
    "role_option LOGIN": r"CREATE ROLE .* LOGIN = .*",
    "role_option SUPERUSER": r"(CREATE|ALTER) ROLE .* SUPERUSER = .*",
    "role_option OPTIONS": r"CREATE ROLE .* OPTIONS = \{.*",
    "role_option ACCESS TO DATACENTERS": r".* ROLE .* ACCESS TO DATACENTERS \{.*",
    "role_option ACCESS TO ALL DATACENTERS": r".* ROLE .* ACCESS TO ALL DATACENTERS.*",
    "role_option ACCESS FROM CIDRS": r".* ROLE .* ACCESS FROM CIDRS \{.*",
    "role_option ACCESS FROM ALL CIDRS": r".* ROLE .* ACCESS FROM ALL CIDRS.*",
    "alter_role_statement": rf"ALTER ROLE {IF_EXISTS}{NAME} WITH .*",
    "drop_role_statement": rf"DROP ROLE {IF_EXISTS}{NAME}",
    "grant_role_statement": rf"GRANT {NAME} TO {NAME}",
    "revoke_role_statement": rf"REVOKE {NAME} FROM {NAME}",
    "list_roles_statement": r"LIST ROLES",
    "list_roles_statement OF": r"LIST ROLES OF \w+ NORECURSIVE",
    "list_superusers_statement": r"LIST SUPERUSERS",
    "create_user_statement": rf"CREATE USER {IF_NOT_EXISTS}{NAME} WITH PASSWORD '.*' (NO)?SUPERUSER",
    "alter_user_statement": rf"ALTER USER {IF_EXISTS}{NAME} WITH PASSWORD .*",
    "drop_user_statement": rf"DROP USER {IF_EXISTS}{NAME}",
    "list_users_statement": r"LIST USERS",
    "grant_permission_statement": r"GRANT \w+ ON .* TO \w+",
    "revoke_permission_statement": r"REVOKE .* ON .* FROM \w+",
    "list_permissions_statement": r"LIST .* ON .* OF \w+( NORECURSIVE)?",
    "permissions ALL": r"GRANT ALL (PERMISSIONS )?ON .*",
    **{
        f"permission {name}": rf"(GRANT|REVOKE|LIST) (.*, )?{name} (PERMISSION )?(, .*)?ON .*"
        for name in PERMISSIONS
    },
    "permission UNMASK": r"GRANT UNMASK.*",
    "resource ALL KEYSPACES": r".* ON ALL KEYSPACES .*",
    "resource KEYSPACE": r".* ON KEYSPACE \w+ .*",
    "resource ALL TABLES IN KEYSPACE": r".* ON ALL TABLES IN KEYSPACE .*",
    "resource TABLE": r".* ON TABLE \S+ TO .*",
    "resource table_name": r"(GRANT|REVOKE|LIST) .* ON ks\.\w+ .*",
    "resource ALL ROLES": r".* ON ALL ROLES .*",
    "resource ROLE": r".* ON ROLE \w+ .*",
    "resource ALL FUNCTIONS": r".* ON ALL FUNCTIONS (TO|FROM|OF) .*",
    "resource ALL FUNCTIONS IN KEYSPACE": r".* ON ALL FUNCTIONS IN KEYSPACE \w+ .*",
    "resource FUNCTION": r".* ON FUNCTION \S+\(.*\) .*",
    "resource ALL MBEANS": r".* ON ALL MBEANS .*",
    "resource MBEAN": r".* ON MBEAN '.*' .*",
    "resource MBEANS": r".* ON MBEANS '.*' .*",
    "add_identity_statement": r"ADD IDENTITY .* TO ROLE .*",
    "drop_identity_statement": r"DROP IDENTITY .*",
    # DESCRIBE
    **{
        f"describe_{noun.lower().replace(' ', '_')}_statement": rf"DESC(RIBE)? {noun}{rest}"
        for noun, rest in {
            "CLUSTER": "",
            "SCHEMA": "( WITH INTERNALS)?",
            "KEYSPACES": "",
            "KEYSPACE": r" \w+",
            "TABLES": "",
            "TABLE": r" \S+( WITH INTERNALS)?",
            "INDEX": r" \S+",
            "MATERIALIZED VIEW": r" \S+( WITH INTERNALS)?",
            "TYPES": "",
            "TYPE": r" \S+",
            "FUNCTIONS": "",
            "FUNCTION": r" \S+",
            "AGGREGATES": "",
            "AGGREGATE": r" \S+",
        }.items()
    },
    "describe_schema_statement FULL": r"DESC(RIBE)? FULL SCHEMA.*",
    "describe_object_statement": r"DESCRIBE ks\.\w+( WITH INTERNALS)?",
}


@pytest.mark.parametrize("production", PRODUCTIONS)
def test_it_is_in_the_corpus(production: str) -> None:
    pattern = re.compile(PRODUCTIONS[production])

    assert [text for text in TEXTS if pattern.fullmatch(text)], PRODUCTIONS[production]


@pytest.mark.parametrize("production", PRODUCTIONS)
def test_its_pattern_tells_it_from_others(production: str) -> None:
    if production == "unquoted_identifier":  # which no statement is without
        return
    pattern = re.compile(PRODUCTIONS[production])

    assert [text for text in TEXTS if not pattern.fullmatch(text)]
