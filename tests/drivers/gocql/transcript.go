package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync"
)

// line is one line of the transcript.
type line map[string]any

// transcript writes down what was seen, feature after feature.
type transcript struct {
	out     io.Writer
	mutex   sync.Mutex
	feature string
}

func (t *transcript) say(said line) {
	text, err := json.Marshal(said)
	must(err)
	t.mutex.Lock()
	defer t.mutex.Unlock()
	_, err = fmt.Fprintf(t.out, "%s\n", text)
	must(err)
}

// step writes down the answer of a step, or its error.
func (t *transcript) step(name string, answer any, err error) {
	said := line{"feature": t.feature, "step": name}
	if err != nil {
		said["error"] = failure(err)
	} else {
		said["answer"] = answer
	}
	t.say(said)
}

// unsupported says why the driver cannot do a step, or the whole feature when step is empty.
func (t *transcript) unsupported(step, why, link string) {
	said := line{"feature": t.feature, "unsupported": why, "link": link}
	if step != "" {
		said["step"] = step
	}
	t.say(said)
}

// failure is an error as the transcript has it.
func failure(err error) line {
	said := line{"kind": strings.TrimPrefix(fmt.Sprintf("%T", err), "*"), "code": nil, "message": err.Error()}
	var request RequestError
	if errors.As(err, &request) {
		said["code"] = request.Code()
		said["message"] = request.Message()
	}
	var unavailable *RequestErrUnavailable
	if errors.As(err, &unavailable) {
		said["consistency"] = unavailable.Consistency.String()
		said["required"], said["alive"] = unavailable.Required, unavailable.Alive
	}
	var exists *RequestErrAlreadyExists
	if errors.As(err, &exists) {
		said["keyspace"], said["table"] = exists.Keyspace, exists.Table
	}
	return said
}

// rows reads all of a result, through all of its pages.
func rows(iter *Iter) (line, error) {
	said := line{}
	if columns := iter.Columns(); len(columns) > 0 {
		names := make([]string, len(columns))
		for i, column := range columns {
			names[i] = column.Name
		}
		said["columns"] = names
		read := []any{}
		for row, ok := next(iter); ok; row, ok = next(iter) {
			noted := make([]any, len(row))
			for i, value := range row {
				noted[i] = notation(columns[i].TypeInfo, value)
			}
			read = append(read, noted)
		}
		said["rows"] = read
	}
	if warnings := iter.Warnings(); len(warnings) > 0 {
		said["warnings"] = warnings
	}
	return said, iter.Close()
}

// next reads one row; false at the end, and when it failed, which iter.Close tells.
func next(iter *Iter) ([]Value, bool) {
	columns := iter.Columns()
	row := make([]Value, len(columns))
	var into []any
	tuples := map[int][]Value{}
	for i, column := range columns {
		// The driver reads a tuple as so many columns.
		if tuple, ok := column.TypeInfo.(TupleTypeInfo); ok {
			tuples[i] = make([]Value, len(tuple.Elems))
			into = append(into, pointers(tuples[i])...)
		} else {
			into = append(into, &row[i])
		}
	}
	if !iter.Scan(into...) {
		return nil, false
	}
	for i, elements := range tuples {
		row[i] = Value{elements}
	}
	return row, true
}
