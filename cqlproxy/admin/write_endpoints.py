"""The path `/write`: writes of programs that have no CQL driver."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Any

from pydantic import Field
from starlette.requests import Request
from starlette.responses import Response

from cqlproxy.admin.answers import answer
from cqlproxy.admin.fields import NAME, Name, Text
from cqlproxy.admin.operations import Operation, ask
from cqlproxy.admin.problems import Must, RequestError
from cqlproxy.admin.request_body import Asked
from cqlproxy.admin.shapes import WriteAnswer
from cqlproxy.admin.view import WritesView
from cqlproxy.json_writes.request import JsonWrite, NotServingError, RepeatedError, Written
from cqlproxy.json_writes.unfit import UnfitError
from frame_codec import ConsistencyLevel

_CONSISTENCIES = {
    level.name: level
    for level in ConsistencyLevel
    if level not in (ConsistencyLevel.SERIAL, ConsistencyLevel.LOCAL_SERIAL)
}
_MICROSECONDS = 2**63 - 1


class Write(Asked):
    """One write."""

    keyspace: Annotated[Text, Field(description="By its real name: without quotes.")]
    table: Annotated[Text, Field(description="The one that the query writes.")]
    query: Annotated[
        Text,
        Field(
            description="An INSERT, UPDATE or DELETE, or a batch of them into this table,"
            " with `?` or `:name` in the place of values."
        ),
    ]
    values: Annotated[
        list[Any] | dict[str, Any],
        Must("be an array, or an object by the names of the markers"),
        Field(
            description="For each marker, in their order or by name. What an object leaves out is left as it"
            " is stored; null deletes. The column's type says what a value means: see the description."
        ),
    ]
    consistency: Annotated[
        Text,
        Must(f"be one of {', '.join(_CONSISTENCIES)}"),
        Field(json_schema_extra={"enum": [*_CONSISTENCIES]}),
    ] = ConsistencyLevel.LOCAL_QUORUM.name
    request_id: Annotated[
        Name | None, NAME, Field(description="Given again with the same write, it is not written twice.")
    ] = None
    timestamp: Annotated[
        int | None,
        Field(
            ge=-_MICROSECONDS, le=_MICROSECONDS, description="Write time, in microseconds since the epoch."
        ),
        Must("be a whole number: microseconds since the epoch"),
    ] = None


_DESCRIPTION = """\
For programs that have no CQL driver. The write goes the way of any other: the mode says which cluster
answers, the rules what is copied. It runs under the proxy's own account on that cluster.

What the cluster says to the write comes with status 200; `success` tells whether it was written. The
condition of a conditional write that does not hold is the error `NOT_APPLIED`.

| type | in JSON |
|---|---|
| ascii, text | string |
| tinyint, smallint, int, bigint, varint, counter | number, or its digits in a string |
| decimal | number, or one in a string: all digits count |
| float, double | number, or `"NaN"`, `"Infinity"`, `"-Infinity"` |
| boolean | `true`, `false` |
| blob | bytes in base64 |
| uuid, timeuuid, inet | string |
| timestamp | ISO 8601 with its offset, such as `"2024-02-29T12:34:56.789Z"`, or milliseconds since 1970 |
| date | `"2024-02-29"` |
| time | `"12:34:56.789"`, or nanoseconds |
| duration | `"1mo2d3h"`, `"P1M2DT3H"`, or `{"months": 1, "days": 2, "nanoseconds": 3}` |
| list, set, vector, tuple | array |
| map | object, or array of `[key, value]` |
| user-defined type | object; fields that it leaves out are null |

A program that got no answer gives the same `request_id` once more. If the write was done, it is told so;
if not, or if nobody knows, it is done again with the same write time; if that would be wrong (counters,
lists, conditions) the first answer is repeated. Ids are remembered for the last 10 000 writes that had one,
until the proxy ends: beyond that, give the `timestamp` as well.
"""


def write_operations(writes: WritesView) -> Iterator[Operation]:
    """The call that ``writes`` answers."""

    async def write(asked: Write, _: Request) -> Response:
        consistency = _CONSISTENCIES.get(asked.consistency)
        if consistency is None:
            raise RequestError.of(422, "consistency", f"must be one of {', '.join(_CONSISTENCIES)}")
        wanted = JsonWrite(
            asked.keyspace,
            asked.table,
            asked.query,
            asked.values,
            consistency,
            asked.request_id,
            asked.timestamp,
        )
        try:
            return answer(_shown(await writes.write(wanted)))
        except UnfitError as error:
            raise RequestError.of(422, error.field, error.what) from None
        except RepeatedError as error:
            return answer({"error": str(error), "field": "request_id"}, 409)
        except NotServingError as error:
            return answer({"error": str(error)}, 503)

    yield ask(
        "/write",
        write,
        Write,
        summary="Write a row",
        description=_DESCRIPTION,
        answer=WriteAnswer,
        exact=True,
        refusals={
            409: "The request id is that of another write.",
            503: "The proxy is starting or stopping.",
        },
    )


def _shown(written: Written) -> dict[str, object]:
    body = written._asdict()
    if written.error is None:
        del body["error"]
    else:
        body["error"] = written.error._asdict()
    return body
