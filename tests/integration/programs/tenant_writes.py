"""Two tenants in the same tables, and a table of migrations.

Further arguments: the tenant whose writes are held back, and one whose are not. Counts what it sends, so that
the figures of a proxy can be checked: requests that change something, those of them of which nothing may
arrive elsewhere, and single statements of the tenant and of the table that are held back.
"""

import uuid
from collections import Counter

from cassandra.query import BatchStatement, BatchType

from tests.integration.programs.transcript import REPLICATED_ONCE, Transcript, conversation

TABLES = (
    "CREATE TABLE orders (system_domain_id uuid, id int, v text, w int, s text static,"
    " PRIMARY KEY (system_domain_id, id))",
    "CREATE TABLE people (id int PRIMARY KEY, system_domain_id uuid, v text)",
    "CREATE TABLE seats (system_domain_id uuid PRIMARY KEY, v text)",
    "CREATE TABLE hits (system_domain_id uuid PRIMARY KEY, seen counter)",
)


class Writer:
    """Sends writes and counts them."""

    def __init__(self, saw: Transcript) -> None:
        self.saw = saw
        self.counts: Counter[str] = Counter()

    def write(
        self, statement: object, values: object = None, *, tenant: int = 0, table: int = 0, copy: bool
    ) -> None:
        """Send one request. `tenant`, `table`: how many of its statements are held back for that reason;
        `copy`: whether something of it may arrive elsewhere."""
        self.saw.session.execute(statement, values)
        self.counts["requests"] += 1
        self.counts["tenant"] += tenant
        self.counts["table"] += table
        self.counts["copied" if copy else "kept"] += 1


def one_tenant(writer: Writer, tenant: uuid.UUID, first: int, *, copy: bool) -> None:
    """Every way to write a single row. Rows of `people` are told apart by `first`."""
    prepare = writer.saw.session.prepare
    held = 0 if copy else 1

    def write(statement: object, values: object = None) -> None:
        writer.write(statement, values, tenant=held, copy=copy)

    insert = prepare("INSERT INTO orders (system_domain_id, id, v, w) VALUES (?, ?, ?, ?)")
    update = prepare("UPDATE orders SET v = ?, s = ? WHERE id = ? AND system_domain_id = ?")
    remove = prepare("DELETE FROM orders WHERE system_domain_id = ? AND id = ?")
    named = prepare("INSERT INTO orders (id, v, system_domain_id) VALUES (:id, :v, :tenant)")
    brief = prepare("INSERT INTO orders (system_domain_id, id, v) VALUES (?, ?, ?) USING TTL ?")
    stamped = prepare("INSERT INTO orders (system_domain_id, id, v) VALUES (?, ?, ?) USING TIMESTAMP ?")
    for number in range(20):
        write(insert, (tenant, number, f"v{number}", number))
    write(update, ("changed", "static", 1, tenant))
    write(remove, (tenant, 2))
    write(named, {"tenant": tenant, "v": "named", "id": 30})
    write(brief, (tenant, 31, "brief", 5_000))
    write(stamped, (tenant, 32, "stamped", 1_234_567))
    write(f"INSERT INTO orders (system_domain_id, id, v) VALUES ({tenant}, 40, 'text')")
    write(f"INSERT INTO orders (id, system_domain_id, v) VALUES (41, {str(tenant).upper()}, 'upper')")
    write("INSERT INTO orders (system_domain_id, id, v) VALUES (%s, %s, %s)", (tenant, 42, "by the driver"))
    write(f"UPDATE {writer.saw.keyspace}.orders SET w = 1 WHERE system_domain_id = {tenant} AND id = 40")
    write(f"DELETE w FROM orders WHERE system_domain_id = {tenant} AND id = 5")
    write(f"DELETE FROM orders WHERE system_domain_id IN ({tenant}) AND id = 6")
    write(f"""INSERT INTO orders JSON '{{"system_domain_id": "{tenant}", "id": 50, "v": "json"}}'""")
    write(
        "UPDATE orders USING TIMESTAMP 99 AND TTL 9000 SET v = 't'"
        f" WHERE system_domain_id = {tenant} AND id = 60"
    )
    write("INSERT INTO people (id, v, system_domain_id) VALUES (%s, 'p', %s)", (first, tenant))
    write(prepare("INSERT INTO people (id, system_domain_id) VALUES (?, ?)"), (first + 1, tenant))
    write("INSERT INTO seats (system_domain_id, v) VALUES (%s, 'lwt') IF NOT EXISTS", (tenant,))
    write("UPDATE hits SET seen = seen + 3 WHERE system_domain_id = %s", (tenant,))
    write(prepare("UPDATE hits SET seen = seen + ? WHERE system_domain_id = ?"), (4, tenant))
    # Without a write time of the driver's: whoever stands in between gives one, or the server does.
    writer.saw.session.use_client_timestamp = False
    write(insert, (tenant, 70, "no time", 70))
    write(f"INSERT INTO orders (system_domain_id, id, v) VALUES ({tenant}, 71, 'no time')")
    batch = BatchStatement()
    batch.add(insert, (tenant, 72, "no time", 72))
    write(batch)
    writer.saw.session.use_client_timestamp = True


def both_tenants(writer: Writer, held: uuid.UUID, free: uuid.UUID) -> None:
    """Batches of both, of which a part may arrive elsewhere."""
    insert = writer.saw.session.prepare("INSERT INTO orders (system_domain_id, id, v) VALUES (?, ?, ?)")
    for kind in (BatchType.LOGGED, BatchType.UNLOGGED):
        batch = BatchStatement(kind)
        for number in range(100, 105):
            batch.add(insert, (held, number, "held"))
            batch.add(insert, (free, number, "free"))
        batch.add("INSERT INTO orders (system_domain_id, id, v) VALUES (%s, 110, 'text')", (held,))
        batch.add("INSERT INTO orders (system_domain_id, id, v) VALUES (%s, 110, 'text')", (free,))
        batch.add("INSERT INTO migrations (version) VALUES (100)")
        writer.write(batch, tenant=6, table=1, copy=True)
    text = "INSERT INTO orders (system_domain_id, id, v) VALUES ({}, 120, 'begin');"
    writer.write(
        f"BEGIN BATCH {text.format(held)} {text.format(free)} "
        f"UPDATE orders SET w = 120 WHERE system_domain_id = {free} AND id = 121; APPLY BATCH",
        tenant=1,
        copy=True,
    )
    marked = text.format("?").replace("120", "?")
    writer.write(
        writer.saw.session.prepare(f"BEGIN UNLOGGED BATCH {marked} {marked} APPLY BATCH"),
        (held, 130, free, 131),
        tenant=1,
        copy=True,
    )
    writer.write(f"BEGIN BATCH {text.format(held)} {text.format(held)} APPLY BATCH", tenant=2, copy=False)
    only_held = BatchStatement()
    only_held.add(insert, (held, 140, "held"))
    only_held.add(insert, (held, 141, "held"))
    writer.write(only_held, tenant=2, copy=False)


def migrations(writer: Writer) -> None:
    """A table that belongs to one cluster, from its creation on."""
    writer.write("CREATE TABLE migrations (version int PRIMARY KEY, name text)", table=1, copy=False)
    insert = writer.saw.session.prepare("INSERT INTO migrations (version, name) VALUES (?, ?)")
    for version in range(10):
        writer.write(insert, (version, "a"), table=1, copy=False)
    writer.write("UPDATE migrations SET name = 'b' WHERE version = 1", table=1, copy=False)
    writer.write(f"DELETE FROM {writer.saw.keyspace}.migrations WHERE version = 2", table=1, copy=False)
    writer.write("CREATE TABLE old_migrations (version int PRIMARY KEY, name text)", copy=True)
    writer.write("INSERT INTO old_migrations (version, name) VALUES (1, 'another table')", copy=True)


if __name__ == "__main__":
    with conversation("held", "free") as saw:
        writer = Writer(saw)
        writer.write(f"CREATE KEYSPACE {saw.keyspace} {REPLICATED_ONCE}", copy=True)
        saw.session.set_keyspace(saw.keyspace)
        for statement in TABLES:
            writer.write(statement, copy=True)
        migrations(writer)
        held, free = uuid.UUID(saw.options.held), uuid.UUID(saw.options.free)
        one_tenant(writer, free, 1_000, copy=True)
        one_tenant(writer, held, 2_000, copy=False)
        both_tenants(writer, held, free)
        saw.note("counts", writer.counts)
