package main

import (
	"bytes"
	"encoding/json"
)

// entry is one entry of a JSON object whose order counts.
type entry[V any] struct {
	name  string
	value V
}

// literals are CQL literals by type, statements are CQL texts by name; in the order of script.json.
type (
	literals   []entry[[]string]
	statements []entry[string]
)

func (l *literals) UnmarshalJSON(text []byte) (err error) {
	*l, err = ordered[[]string](text)
	return err
}

func (s *statements) UnmarshalJSON(text []byte) (err error) {
	*s, err = ordered[string](text)
	return err
}

func ordered[V any](text []byte) ([]entry[V], error) {
	decoder := json.NewDecoder(bytes.NewReader(text))
	if _, err := decoder.Token(); err != nil { // the opening brace
		return nil, err
	}
	var entries []entry[V]
	for decoder.More() {
		name, err := decoder.Token()
		if err != nil {
			return nil, err
		}
		var value V
		if err := decoder.Decode(&value); err != nil {
			return nil, err
		}
		entries = append(entries, entry[V]{name.(string), value})
	}
	return entries, nil
}
