"""Which copies a mirror shortens the life of: those that are late, in what has one."""

from cqlproxy.cluster.side import Side
from frame_codec import Execute, Opcode
from tests.unit.mirror.scripted import TABLE, Setting, on_loop, prepared_answer, query, statement

_INSERT = "INSERT INTO ks.t (id) VALUES (1)"


def _with(ttl: int) -> bytes:
    return query(f"{_INSERT} USING TTL {ttl} ")


@on_loop
async def test_a_late_copy_gets_what_is_left_of_the_tables_time_to_live() -> None:
    s = Setting()
    s.target.default_ttls["ks", "t"] = 100
    s.mirror.offer(s.mutation(query(_INSERT), age=30))
    # Servers count the seconds of the wall clock that have begun.
    assert s.target.bodies[0] in (_with(70), _with(69))
    assert s.metrics.expired[Side.SHADOW] == 0


@on_loop
async def test_a_copy_whose_time_is_over_is_delivered_and_counted_once() -> None:
    s = Setting()
    s.target.default_ttls["ks", "t"] = 100
    s.target.alive = False
    s.mirror.offer(s.mutation(query(_INSERT), age=1000))
    s.target.alive = True
    s.mirror.pump()
    assert s.target.bodies == [_with(1)]
    s.target.answer()
    assert s.metrics.expired[Side.SHADOW] == 1
    assert s.lost == {}


@on_loop
async def test_a_copy_in_time_or_without_a_time_to_live_stays_as_it_is() -> None:
    s = Setting()
    s.target.default_ttls["ks", "other"] = 100
    s.mirror.offer(s.mutation(query(_INSERT), age=30))
    s.target.default_ttls["ks", "t"] = 100
    s.mirror.offer(s.mutation(query(_INSERT), age=0.5))
    s.mirror.offer(s.mutation(query("DELETE FROM ks.t WHERE id = 1"), age=30))
    assert s.target.bodies == [query(_INSERT), query(_INSERT), query("DELETE FROM ks.t WHERE id = 1")]


@on_loop
async def test_a_statement_with_a_time_to_live_is_prepared_for_what_is_late() -> None:
    s = Setting()
    s.target.default_ttls["ks", "t"] = 100
    one = statement()
    body = Execute(prepared_answer(b"client id").id).encode(4)
    for age in (30, 31):
        s.mirror.offer(s.mutation(body, opcode=Opcode.EXECUTE, tables=(TABLE,), prepared=(one,), age=age))
    await s.until(lambda: len(s.target.sent) == 2)
    assert s.target.prepared_texts == [b"INSERT INTO ks.t (id) VALUES (1) USING TTL :cqlproxy_0 "]
    for sent, age in zip(s.target.bodies, (30, 31), strict=True):
        request = Execute.decode(sent, 4)
        assert request.id == b"shadow id"
        [left] = request.parameters.values
        assert isinstance(left, bytes)
        assert 100 - age - int.from_bytes(left) in (0, 1)
