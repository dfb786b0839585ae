"""5,000 writes in the background, hundreds of them at a time, and all of them read back."""

from cassandra.concurrent import execute_concurrent, execute_concurrent_with_args

from tests.integration.programs.transcript import Transcript, conversation

WRITES = 5_000
PARTITIONS = 50


def writes(saw: Transcript) -> None:
    insert = saw.session.prepare("INSERT INTO t (k, c, v) VALUES (?, ?, ?)")
    rows = [(number % PARTITIONS, number, f"v{number}") for number in range(WRITES)]
    done = execute_concurrent_with_args(
        saw.session, insert, rows, concurrency=400, raise_on_first_error=False
    )
    saw.note("errors of prepared writes", [str(answer) for success, answer in done if not success])

    futures = [
        saw.session.execute_async(insert, (number % PARTITIONS, number, "again")) for number in range(500)
    ]
    saw.note("results in the background", [len(list(future.result())) for future in futures])

    texts = [(f"INSERT INTO t (k, c, v) VALUES (1000, {number}, 'text')", None) for number in range(500)]
    done = execute_concurrent(saw.session, texts, concurrency=200, raise_on_first_error=False)
    saw.note("errors of text writes", [str(answer) for success, answer in done if not success])


def wrong(values: dict[int, str], numbers: range) -> list[int]:
    """The numbers of rows that are not as they were written last."""
    expected = {number: "again" if number < 500 else f"v{number}" for number in numbers}
    return sorted(n for n in expected.keys() | values.keys() if values.get(n) != expected.get(n))


def reads(saw: Transcript) -> None:
    # Each answer must be that of its own question, however many are under way.
    one = saw.session.prepare("SELECT c, v FROM t WHERE k = ? AND c = ?")
    keys = [(number % PARTITIONS, number) for number in range(0, WRITES, 5)]
    done = execute_concurrent_with_args(saw.session, one, keys, concurrency=400)
    values = dict(answer.one() for _, answer in done)
    saw.note("wrong values, one by one", wrong(values, range(0, WRITES, 5)))
    partition = saw.session.prepare("SELECT c, v FROM t WHERE k = ?")
    done = execute_concurrent_with_args(saw.session, partition, [(k,) for k in range(PARTITIONS)])
    values = dict(row for _, answer in done for row in answer)
    saw.note("wrong values", wrong(values, range(WRITES)))
    saw.note("count", saw.session.execute("SELECT count(*) FROM t").one()[0])
    saw.note("count of text", saw.session.execute("SELECT count(*) FROM t WHERE k = 1000").one()[0])


if __name__ == "__main__":
    with conversation() as saw:
        saw.create("CREATE TABLE t (k int, c int, v text, PRIMARY KEY (k, c))")
        writes(saw)
        reads(saw)
