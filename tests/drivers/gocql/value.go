package main

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"math"
	"math/big"
	"net"
	"slices"
	"strconv"
	"strings"
	"time"

	"gopkg.in/inf.v0"
)

// Value is a CQL value of any type, with what the driver made of it: nil for null, []Value for lists, sets, vectors
// and tuples, map[Value]Value for maps, *fields for user-defined types, and the driver's own choice for the rest.
type Value struct {
	native any
}

// UnmarshalCQL has the driver read data into the Go type that it prefers.
func (v *Value) UnmarshalCQL(info TypeInfo, data []byte) error {
	v.native = nil
	if data == nil {
		return nil
	}
	if tuple, ok := info.(TupleTypeInfo); ok {
		elements := make([]Value, len(tuple.Elems))
		v.native = elements
		return Unmarshal(info, data, pointers(elements))
	}
	if _, ok := info.(UDTTypeInfo); ok {
		read := &fields{}
		v.native = read
		return Unmarshal(info, data, read)
	}
	if elementOf(info) != nil {
		elements := []Value{}
		err := Unmarshal(info, data, &elements)
		v.native = elements
		return err
	}
	if info.Type() == TypeMap {
		entries := map[Value]Value{}
		err := Unmarshal(info, data, &entries)
		v.native = entries
		return err
	}
	into, err := preferred(info)
	if err != nil {
		return err
	}
	err = Unmarshal(info, data, into.Interface())
	v.native = into.Elem().Interface()
	if bytes, ok := v.native.([]byte); ok && bytes == nil {
		v.native = []byte{} // the driver gives nil, which it would write as a null
	}
	return err
}

// MarshalCQL has the driver write what it read.
func (v Value) MarshalCQL(info TypeInfo) ([]byte, error) {
	if v.native == nil {
		return nil, nil
	}
	elements, _ := v.native.([]Value)
	if _, ok := info.(TupleTypeInfo); !ok || elements == nil {
		return Marshal(info, v.native)
	}
	return Marshal(info, parts(elements))
}

// parts are the elements of a tuple, where a null is told from an empty value by nil alone.
func parts(elements []Value) []any {
	written := make([]any, len(elements))
	for i, element := range elements {
		if element.native != nil {
			written[i] = element
		}
	}
	return written
}

func pointers(values []Value) []any {
	into := make([]any, len(values))
	for i := range values {
		into[i] = &values[i]
	}
	return into
}

// fields is a value of a user-defined type, in the order of the type.
type fields struct {
	names  []string
	values []Value
	types  []TypeInfo
}

// UnmarshalUDT reads the next field.
func (f *fields) UnmarshalUDT(name string, info TypeInfo, data []byte) error {
	var value Value
	err := value.UnmarshalCQL(info, data)
	f.names, f.values, f.types = append(f.names, name), append(f.values, value), append(f.types, info)
	return err
}

// MarshalUDT writes the field called name.
func (f fields) MarshalUDT(name string, info TypeInfo) ([]byte, error) {
	i := slices.Index(f.names, name)
	if i < 0 || f.values[i].native == nil {
		return nil, nil
	}
	return Marshal(info, f.values[i])
}

// notation is the value as the transcripts of all languages have it.
func notation(info TypeInfo, value Value) any {
	switch native := value.native.(type) {
	case nil:
		return nil
	case []Value:
		return listed(info, native)
	case map[Value]Value:
		return mapped(info.(CollectionType), native)
	case *fields:
		noted := make([]any, len(native.names))
		for i, name := range native.names {
			noted[i] = []any{name, notation(native.types[i], native.values[i])}
		}
		return noted
	case string:
		if info.Type() == TypeInet {
			return inet(net.ParseIP(native))
		}
		return native
	case net.IP:
		return inet(native)
	case []byte:
		return "0x" + hex.EncodeToString(native)
	case float32:
		if native != native {
			return "NaN"
		}
		return fmt.Sprintf("0x%08x", math.Float32bits(native))
	case float64:
		if native != native {
			return "NaN"
		}
		return fmt.Sprintf("0x%016x", math.Float64bits(native))
	case *big.Int:
		return native.String()
	case *inf.Dec:
		return fmt.Sprintf("%de-%d", native.UnscaledBig(), native.Scale())
	case time.Duration:
		return strconv.FormatInt(int64(native), 10)
	case Duration:
		return fmt.Sprintf("%d,%d,%d", native.Months, native.Days, native.Nanoseconds)
	case time.Time:
		if info.Type() == TypeDate {
			return strconv.FormatInt(native.Unix()/int64((24*time.Hour).Seconds()), 10)
		}
		return strconv.FormatInt(native.UnixMilli(), 10)
	default: // integers, booleans and UUIDs
		return fmt.Sprint(native)
	}
}

func listed(info TypeInfo, values []Value) []any {
	noted := make([]any, len(values))
	tuple, isTuple := info.(TupleTypeInfo)
	for i, value := range values {
		if isTuple {
			noted[i] = notation(tuple.Elems[i], value)
		} else {
			noted[i] = notation(elementOf(info), value)
		}
	}
	if info.Type() == TypeSet {
		slices.SortFunc(noted, byText)
	}
	return noted
}

func mapped(info CollectionType, entries map[Value]Value) []any {
	noted := make([]any, 0, len(entries))
	for key, value := range entries {
		noted = append(noted, []any{notation(info.Key, key), notation(info.Elem, value)})
	}
	slices.SortFunc(noted, func(a, b any) int { return byText(a.([]any)[0], b.([]any)[0]) })
	return noted
}

// byText compares by JSON text.
func byText(a, b any) int {
	return bytes.Compare(asJSON(a), asJSON(b))
}

func asJSON(value any) []byte {
	var text bytes.Buffer
	encoder := json.NewEncoder(&text)
	encoder.SetEscapeHTML(false)
	must(encoder.Encode(value))
	return text.Bytes()
}

func inet(address net.IP) string {
	if short := address.To4(); short != nil {
		address = short
	}
	return "0x" + hex.EncodeToString(address)
}

// nativeTypes are named by their numbers in the protocol (section 4.2.5.2 of its specification).
var nativeTypes = map[int]string{
	0x01: "ascii", 0x02: "bigint", 0x03: "blob", 0x04: "boolean", 0x05: "counter", 0x06: "decimal", 0x07: "double",
	0x08: "float", 0x09: "int", 0x0a: "text", 0x0b: "timestamp", 0x0c: "uuid", 0x0d: "text", 0x0e: "varint", 0x0f: "timeuuid",
	0x10: "inet", 0x11: "date", 0x12: "time", 0x13: "smallint", 0x14: "tinyint", 0x15: "duration",
	0x20: "list", 0x22: "set",
}

// typeName is a type in the words of CQL.
func typeName(info TypeInfo) string {
	switch t := info.(type) {
	case UDTTypeInfo:
		return t.Name
	case TupleTypeInfo:
		return "tuple<" + strings.Join(typeNames(t.Elems), ", ") + ">"
	case CollectionType:
		if t.Type() == TypeMap {
			return "map<" + typeName(t.Key) + ", " + typeName(t.Elem) + ">"
		}
		return nativeTypes[int(t.Type())] + "<" + typeName(t.Elem) + ">"
	}
	if name, ok := nativeTypes[int(info.Type())]; ok {
		return name
	}
	return fmt.Sprint(info)
}

func typeNames(infos []TypeInfo) []string {
	names := make([]string, len(infos))
	for i, info := range infos {
		names[i] = typeName(info)
	}
	return names
}
