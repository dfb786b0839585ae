package main

import (
	"bytes"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"
)

const insertItem = "INSERT INTO items (k, c, v, w) VALUES (?, ?, ?, ?)"

func (w *work) statements() {
	w.feature = "statements"
	w.query("insert", "INSERT INTO items (k, c, v, w) VALUES (1, 1, 'plain', 10)")
	w.query("insert with values", insertItem, 1, 2, "valued", 20)
	w.query("insert prepared", insertItem, 1, 3, "prepared", 30)
	w.do(insertItem, 1, 4, "gone", 40)
	variables := [][]string{}
	err := w.session.Bind(insertItem, func(prepared *QueryInfo) ([]any, error) {
		for _, variable := range prepared.Args {
			variables = append(variables, []string{variable.Name, typeName(variable.TypeInfo)})
		}
		return []any{1, 4, "gone", 40}, nil
	}).Exec()
	w.step("variables", variables, err)
	w.query("select", "SELECT * FROM items WHERE k = 1")
	w.query("select prepared", "SELECT v, w FROM items WHERE k = ? AND c = ?", 1, 3)
	w.query("update", "UPDATE items SET v = 'updated' WHERE k = 1 AND c = 2")
	w.query("delete", "DELETE FROM items WHERE k = ? AND c = ?", 1, 4)
	w.query("after", "SELECT * FROM items WHERE k = 1")
	w.query("functions", "SELECT count(*), max(w) AS most FROM items WHERE k = 1")
	w.query("json", "SELECT JSON * FROM items WHERE k = 1 AND c = 1")
	w.do("INSERT INTO moments (k, t, u) VALUES (1, now(), uuid())")
	w.do("INSERT INTO moments (k, t, u) VALUES (?, now(), uuid())", 2)
	w.query("now", "SELECT count(*) FROM moments")
}

func (w *work) values() {
	w.feature = "types"
	w.roundTrips(w.script.RoundTrips.Types)
	w.nulls()
	w.feature = "collections"
	w.roundTrips(w.script.RoundTrips.Collections)
	w.do("UPDATE collections SET v0 = v0 + [9], v1 = v1 + {'new'}, v2['more'] = 5 WHERE k = '0 1'")
	w.query("changed", "SELECT v0, v1, v2 FROM collections WHERE k = '0 1'")
	w.feature = "udt"
	w.roundTrips(w.script.RoundTrips.UDT)
	w.feature = "tuple"
	w.roundTrips(w.script.RoundTrips.Tuple)
	w.feature = "vector"
	if knowsVectors {
		w.roundTrips(w.script.RoundTrips.Vector)
	} else {
		w.unsupported("", "vectors came with 2.0 of the driver", "https://github.com/apache/cassandra-gocql-driver/releases")
	}
}

// roundTrips writes values of each type as literals into a table named as the feature, and back as they were read.
func (w *work) roundTrips(types literals) {
	table := "CREATE TABLE " + w.feature + " (k text PRIMARY KEY"
	for i, entry := range types {
		table += fmt.Sprintf(", v%d %s", i, entry.name)
	}
	w.do(table + ")")
	for i, entry := range types {
		read, again := []any{}, []any{}
		for j, literal := range entry.value {
			key := fmt.Sprintf("%d %d", i, j)
			w.do(fmt.Sprintf("INSERT INTO %s (k, v%d) VALUES ('%s', %s)", w.feature, i, key, literal))
			info, value, err := w.readBack(i, key)
			if err != nil {
				read = append(read, failure(err))
				continue
			}
			read = append(read, notation(info, value))
			key += " again"
			markers, bound := markersOf(info, value)
			insert := fmt.Sprintf("INSERT INTO %s (k, v%d) VALUES (?, %s)", w.feature, i, markers)
			err = w.session.Query(insert, append([]any{key}, bound...)...).Exec()
			if err == nil {
				info, value, err = w.readBack(i, key)
			}
			if err != nil {
				again = append(again, failure(err))
				continue
			}
			again = append(again, notation(info, value))
		}
		w.step(entry.name, line{"read": read, "again": again}, nil)
	}
}

// readBack is the value of one column as the driver reads it, and its type.
func (w *work) readBack(column int, key string) (TypeInfo, Value, error) {
	iter := w.session.Query(fmt.Sprintf("SELECT v%d FROM %s WHERE k = ?", column, w.feature), key).Iter()
	row, ok := next(iter)
	columns := iter.Columns()
	if err := iter.Close(); err != nil {
		return nil, Value{}, err
	}
	if !ok {
		return nil, Value{}, errors.New("no row")
	}
	return columns[0].TypeInfo, row[0], nil
}

// markersOf is what stands for a value in a statement, and what is bound there: the driver binds a tuple as so many
// values, each with a marker of its own.
func markersOf(info TypeInfo, value Value) (string, []any) {
	tuple, ok := info.(TupleTypeInfo)
	if !ok {
		return "?", []any{value}
	}
	markers, bound := []string{}, []any{}
	for i, element := range value.native.([]Value) {
		marker, values := markersOf(tuple.Elems[i], element)
		markers, bound = append(markers, marker), append(bound, values...)
	}
	return "(" + strings.Join(markers, ", ") + ")", bound
}

func (w *work) nulls() {
	w.feature = "nulls"
	const read = "SELECT v, w FROM items WHERE k = ? AND c = ?"
	w.do(insertItem, 2, 1, nil, 1)
	w.query("null", read, 2, 1)
	w.do(insertItem, 2, 2, "kept", 1)
	w.do(insertItem, 2, 2, UnsetValue, 2)
	w.query("unset", read, 2, 2)
	w.do(insertItem, 2, 2, nil, 3)
	w.query("null again", read, 2, 2)
}

func (w *work) writes() {
	w.conditional()
	w.counters()
	w.ask("middle")
	w.batches()
}

func (w *work) conditional() {
	w.feature = "lwt"
	w.query("applied", "INSERT INTO items (k, c, v) VALUES (3, 1, 'first') IF NOT EXISTS")
	w.query("not applied", "INSERT INTO items (k, c, v) VALUES (3, 1, 'second') IF NOT EXISTS")
	const update = "UPDATE items SET v = ? WHERE k = ? AND c = ? IF v = ?"
	w.query("update applied", update, "third", 3, 1, "first")
	w.query("update not applied", update, "third", 3, 1, "first")
	w.result("serial read", w.session.Query("SELECT v FROM items WHERE k = 3 AND c = 1").Consistency(Serial))
	w.query("batch", "BEGIN BATCH INSERT INTO items (k, c, v) VALUES (3, 2, 'x') IF NOT EXISTS; "+
		"UPDATE items SET v = 'y' WHERE k = 3 AND c = 3; APPLY BATCH")
}

func (w *work) counters() {
	w.feature = "counters"
	w.do("UPDATE hits SET n = n + 1 WHERE page = 'home'")
	w.do("UPDATE hits SET n = n + ? WHERE page = ?", 10, "home")
	w.do("UPDATE hits SET n = n + ? WHERE page = ?", -3, "home")
	w.query("value", "SELECT n FROM hits WHERE page = 'home'")
}

func (w *work) batches() {
	w.feature = "batches"
	const insert = "INSERT INTO items (k, c, v) VALUES (?, ?, ?)"
	several := func(step string, kind BatchType, first int) {
		batch := w.session.NewBatch(kind)
		batch.Query(fmt.Sprintf("INSERT INTO items (k, c, v) VALUES (4, %d, 'text')", first))
		batch.Query(insert, 4, first+1, "valued")
		batch.Query(insert, 4, first+2, "prepared")
		w.batch(step, batch)
	}
	several("logged", LoggedBatch, 1)
	several("unlogged", UnloggedBatch, 4)
	counter := w.session.NewBatch(CounterBatch)
	counter.Query("UPDATE hits SET n = n + ? WHERE page = ?", 5, "shop")
	counter.Query("UPDATE hits SET n = n + 7 WHERE page = 'home'")
	w.batch("counter", counter)
	timed := w.session.NewBatch(LoggedBatch).WithTimestamp(1_000_000)
	timed.Query(insert, 4, 7, "timed")
	w.batch("with timestamp", timed)
	w.query("text", "BEGIN UNLOGGED BATCH INSERT INTO items (k, c, v) VALUES (4, 8, 'x'); "+
		"DELETE FROM items WHERE k = 4 AND c = 1; APPLY BATCH")
	w.query("rows", "SELECT c, v FROM items WHERE k = 4")
	w.query("counters", "SELECT page, n FROM hits")
	w.query("write time", "SELECT writetime(v) FROM items WHERE k = 4 AND c = 7")
}

func (w *work) batch(step string, batch *Batch) {
	w.step(step, line{}, w.session.ExecuteBatch(batch))
}

func (w *work) reads() {
	w.paging()
	w.named()
	w.use()
	w.metadata()
	w.events()
	w.tracing()
}

func (w *work) paging() {
	w.feature = "paging"
	for c := range 50 {
		w.do(insertItem, 5, c, fmt.Sprintf("row %d", c), c)
	}
	const plain = "SELECT c, v FROM items WHERE k = 5"
	lengths, second, err := w.pages(plain)
	w.step("pages", lengths, err)
	all := []string{}
	iter := w.session.Query(plain).PageSize(7).Iter()
	for c := 0; iter.Scan(&c, nil); {
		all = append(all, strconv.Itoa(c))
	}
	w.step("all", all, iter.Close())
	var first int
	iter = w.session.Query(plain).PageSize(7).PageState(second).Iter()
	iter.Scan(&first, nil)
	w.step("resumed", strconv.Itoa(first), iter.Close())
	lengths, _, err = w.pages("SELECT c, v FROM items WHERE k = ?", 5)
	w.step("prepared", lengths, err)
}

// pages are the numbers of rows on each page, and the paging state after the second.
func (w *work) pages(statement string, values ...any) (lengths []string, second []byte, err error) {
	for state := []byte(nil); ; {
		iter := w.session.Query(statement, values...).PageSize(7).PageState(state).Iter()
		lengths = append(lengths, strconv.Itoa(iter.NumRows()))
		state = bytes.Clone(iter.PageState())
		if err = iter.Close(); err != nil || len(state) == 0 {
			return lengths, second, err
		}
		if len(lengths) == 2 {
			second = state
		}
	}
}

func (w *work) named() {
	w.feature = "named values"
	const insert = "INSERT INTO items (k, c, v) VALUES (:key, :column, :value)"
	// The driver sends the names, but takes the type of a value from its place.
	w.query("prepared", insert, NamedValue("key", 6), NamedValue("column", 1), NamedValue("value", "named"))
	w.query("plain", insert, NamedValue("key", 6), NamedValue("column", 2), NamedValue("value", "named"))
	w.query("rows", "SELECT c, v FROM items WHERE k = 6")
}

// traceID remembers the id of the trace that it is told of.
type traceID struct{ id []byte }

func (t *traceID) Trace(id []byte) { t.id = bytes.Clone(id) }

func (w *work) tracing() {
	w.feature = "tracing"
	var told traceID
	err := w.session.Query("SELECT v FROM items WHERE k = 1 AND c = 1").Trace(&told).Exec()
	trace := line{}
	one := ParseConsistency("ONE") // the traces have two replicas, wherever there are two nodes
	eventually(func() bool {       // a server writes a trace down after it has answered
		var coordinator, request string
		var duration *int
		const session = "SELECT coordinator, request, duration FROM system_traces.sessions WHERE session_id = ?"
		if w.session.Query(session, told.id).Consistency(one).Scan(&coordinator, &request, &duration) != nil || duration == nil {
			return false
		}
		var events int
		const count = "SELECT count(*) FROM system_traces.events WHERE session_id = ?"
		must(w.session.Query(count, told.id).Consistency(one).Scan(&events))
		trace = line{"coordinator": coordinator, "request": request, "events": events > 0}
		return true
	})
	w.step("trace", trace, err)
}

func (w *work) settings() {
	w.consistency()
	w.timestamps()
	w.ttl()
}

func (w *work) consistency() {
	w.feature = "consistency"
	for _, name := range []string{
		"ANY", "ONE", "TWO", "THREE", "QUORUM", "ALL", "LOCAL_QUORUM", "EACH_QUORUM", "LOCAL_ONE",
	} {
		level := ParseConsistency(name)
		outcome := func(query *Query) line {
			answer, err := rows(query.Consistency(level).Iter())
			if err != nil {
				return failure(err)
			}
			return answer
		}
		w.step(name, line{
			"write": outcome(w.session.Query("INSERT INTO items (k, c, v) VALUES (?, ?, ?)", 7, 1, "x")),
			"read":  outcome(w.session.Query("SELECT v FROM items WHERE k = 7 AND c = 1")),
		}, nil)
	}
}

func (w *work) timestamps() {
	w.feature = "timestamps"
	const insert = "INSERT INTO items (k, c, v) VALUES (?, ?, ?)"
	must(w.session.Query(insert, 8, 1, "x").WithTimestamp(1234567890123456).Exec())
	w.query("given", "SELECT writetime(v) FROM items WHERE k = 8 AND c = 1")
	w.do("INSERT INTO items (k, c, v) VALUES (8, 2, 'x') USING TIMESTAMP 42")
	w.query("in the text", "SELECT writetime(v) FROM items WHERE k = 8 AND c = 2")
	w.do(insert, 8, 3, "x")
	var written int64
	err := w.session.Query("SELECT writetime(v) FROM items WHERE k = 8 AND c = 3").Scan(&written)
	w.step("default", time.Since(time.UnixMicro(written)).Abs() < 10*time.Minute, err)
}

func (w *work) ttl() {
	w.feature = "ttl"
	w.do("INSERT INTO items (k, c, v) VALUES (9, 1, 'x') USING TTL ?", 1000)
	var remaining int
	err := w.session.Query("SELECT ttl(v) FROM items WHERE k = 9 AND c = 1").Scan(&remaining)
	w.step("remaining", 900 <= remaining && remaining <= 1000, err)
	w.query("none", "SELECT ttl(v) FROM items WHERE k = 1 AND c = 1")
}

func (w *work) refusals() {
	w.feature = "errors"
	for _, entry := range w.script.Errors {
		w.query(entry.name, entry.value)
		w.query(entry.name+" prepared", entry.value)
	}
	w.query("keyspace exists", "CREATE KEYSPACE "+w.keyspace+replicated)
	w.query("null key", "INSERT INTO items (k, c) VALUES (?, ?)", nil, 1)
	batch := w.session.NewBatch(UnloggedBatch)
	for i := range 100 {
		batch.Query("INSERT INTO items (k, c, v) VALUES (?, ?, ?)", 100+i, 1, strings.Repeat("x", 1000))
	}
	w.batch("batch too large", batch)
}
