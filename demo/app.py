"""An ordinary program with the unchanged cassandra-driver: a small shop that serves two tenants.

It knows an address and nothing of a proxy. Run by an interpreter that has cassandra-driver:

    python demo/app.py ADDRESS PORT

Its last line of output is a JSON object: which tenants and tables there are, how many writes went to each
table, and how many rows each must hold now.
"""

import json
import sys
import uuid
from collections import Counter
from datetime import UTC, datetime, timedelta
from decimal import Decimal

from cassandra.cluster import Cluster, Session
from cassandra.query import BatchStatement, SimpleStatement

KEYSPACE = "shop"
ACME = uuid.UUID("6f1d2a44-0c55-4a4e-9d1e-1f8a57b7c001")
GLOBEX = uuid.UUID("b2c9e0d7-73a1-4f0c-8a35-5d2f4be5c002")
CUSTOMERS = 40
ORDERS_EACH = 3
PAGES = ("home", "basket", "checkout")
MIGRATIONS = ("create customers", "create orders", "create order_log", "create page_views")
FIRST_DAY = datetime(2026, 1, 1, tzinfo=UTC)

SCHEMA = (
    "CREATE KEYSPACE IF NOT EXISTS shop"
    " WITH replication = {'class': 'SimpleStrategy', 'replication_factor': 1}",
    "CREATE TABLE IF NOT EXISTS shop.migrations (version int PRIMARY KEY, description text)",
    "CREATE TABLE IF NOT EXISTS shop.customers ("
    " system_domain_id uuid, id int, name text, email text, interests set<text>,"
    " PRIMARY KEY (system_domain_id, id))",
    "CREATE TABLE IF NOT EXISTS shop.orders ("
    " system_domain_id uuid, customer int, number int,"
    " placed timestamp, total decimal, status text, items map<text, int>,"
    " PRIMARY KEY ((system_domain_id, customer), number))",
    "CREATE TABLE IF NOT EXISTS shop.order_log ("
    " system_domain_id uuid, customer int, at timestamp, number int, event text,"
    " PRIMARY KEY ((system_domain_id, customer), at, number))",
    "CREATE TABLE IF NOT EXISTS shop.page_views (page text PRIMARY KEY, views counter)",
)


class Shop:
    """The tenants' data; `writes` counts the statements that changed each table."""

    def __init__(self, session: Session) -> None:
        self.session = session
        self.writes: Counter[str] = Counter()
        self.reads = 0

    def create_schema(self) -> None:
        for statement in SCHEMA:
            self.session.execute(statement)
        for version, description in enumerate(MIGRATIONS, start=1):
            self.session.execute(
                "INSERT INTO shop.migrations (version, description) VALUES (%s, %s)", (version, description)
            )
            self.writes["migrations"] += 1
        self.session.set_keyspace(KEYSPACE)

    def add_customers(self, tenant: uuid.UUID) -> None:
        """Prepared INSERTs, many at once; then every fourth customer moves, and every tenth leaves."""
        insert = self.session.prepare(
            "INSERT INTO customers (system_domain_id, id, name, email, interests) VALUES (?, ?, ?, ?, ?)"
        )
        update = self.session.prepare("UPDATE customers SET email = ? WHERE system_domain_id = ? AND id = ?")
        delete = self.session.prepare("DELETE FROM customers WHERE system_domain_id = ? AND id = ?")
        numbers = range(CUSTOMERS)
        self._all_at_once(
            "customers",
            insert,
            [(tenant, n, f"Customer {n}", f"c{n}@example.com", {"tea", f"club-{n % 5}"}) for n in numbers],
        )
        self._all_at_once("customers", update, [(f"new{n}@example.com", tenant, n) for n in numbers[::4]])
        self._all_at_once("customers", delete, [(tenant, n) for n in numbers[::10]])

    def take_orders(self, tenant: uuid.UUID) -> None:
        """Plain INSERTs with the values in the text, then batches that ship an order and log it."""
        for customer in range(CUSTOMERS):
            for number in range(ORDERS_EACH):
                placed = FIRST_DAY + timedelta(days=customer, hours=number)
                self.session.execute(
                    "INSERT INTO orders (system_domain_id, customer, number, placed, total, status, items)"
                    f" VALUES ({tenant}, {customer}, {number}, '{placed.isoformat(timespec='milliseconds')}',"
                    f" {Decimal(customer * 7 + number) / 4}, 'placed', {{'tea': {number + 1}}})"
                )
                self.writes["orders"] += 1
        ship = self.session.prepare(
            "UPDATE orders SET status = ? WHERE system_domain_id = ? AND customer = ? AND number = ?"
        )
        log = self.session.prepare(
            "INSERT INTO order_log (system_domain_id, customer, at, number, event) VALUES (?, ?, ?, ?, ?)"
        )
        for customer in range(CUSTOMERS):
            batch = BatchStatement()
            batch.add(ship, ("shipped", tenant, customer, 0))
            batch.add(log, (tenant, customer, FIRST_DAY + timedelta(days=customer + 1), 0, "shipped"))
            self.session.execute(batch)
            self.writes["orders"] += 1
            self.writes["order_log"] += 1
        last = ORDERS_EACH - 1
        for customer in range(0, CUSTOMERS, 2):
            self.session.execute(
                f"DELETE FROM orders WHERE system_domain_id = {tenant}"
                f" AND customer = {customer} AND number = {last}"
            )
            self.writes["orders"] += 1

    def count_views(self) -> None:
        count = self.session.prepare("UPDATE page_views SET views = views + 1 WHERE page = ?")
        self._all_at_once("page_views", count, [(page,) for page in PAGES * 20])

    def look_around(self) -> None:
        """Read back, by prepared and plain statements, in small pages; stop where an answer is wrong."""
        by_id = self.session.prepare("SELECT email FROM customers WHERE system_domain_id = ? AND id = ?")
        for tenant in (ACME, GLOBEX):
            self._expect(self.session.execute(by_id, (tenant, 4)).one().email, "new4@example.com")
            self._expect(self.session.execute(by_id, (tenant, 10)).one(), None)
        for table, rows in self.expected_rows().items():
            self._expect(
                len(list(self.session.execute(SimpleStatement(f"SELECT * FROM {table}", fetch_size=50)))),
                rows,
            )
        views = self.session.execute("SELECT views FROM page_views WHERE page = 'home'").one().views
        self._expect(views, 20)

    def expected_rows(self) -> dict[str, int]:
        tenants = 2
        return {
            "migrations": len(MIGRATIONS),
            "customers": tenants * (CUSTOMERS - CUSTOMERS // 10),
            "orders": tenants * (CUSTOMERS * ORDERS_EACH - CUSTOMERS // 2),
            "order_log": tenants * CUSTOMERS,
            "page_views": len(PAGES),
        }

    def _all_at_once(self, table: str, prepared: object, rows: list[tuple[object, ...]]) -> None:
        for answer in [self.session.execute_async(prepared, row) for row in rows]:
            answer.result()
        self.writes[table] += len(rows)

    def _expect(self, read: object, right: object) -> None:
        self.reads += 1
        if read != right:
            sys.exit(f"read {read!r} where {right!r} was written")


def main() -> None:
    address, port = sys.argv[1:]
    with Cluster([address], port=int(port)) as cluster:
        session = cluster.connect()
        # Write times by the servers, not by this driver: whatever stands in between must keep them equal.
        session.use_client_timestamp = False
        shop = Shop(session)
        shop.create_schema()
        for tenant in (ACME, GLOBEX):
            shop.add_customers(tenant)
            shop.take_orders(tenant)
        shop.count_views()
        shop.look_around()
        said = {
            "keyspace": KEYSPACE,
            "tenants": {"Acme": str(ACME), "Globex": str(GLOBEX)},
            "writes": dict(shop.writes),
            "rows": shop.expected_rows(),
            "reads": shop.reads,
        }
    print(json.dumps(said))


if __name__ == "__main__":
    main()
