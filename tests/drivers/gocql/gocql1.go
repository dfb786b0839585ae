//go:build gocql1

package main

import (
	"encoding/binary"
	"reflect"

	"github.com/gocql/gocql"
	"github.com/pierrec/lz4/v4"
)

const (
	clientName = "gocql"
	module     = "github.com/gocql/gocql"
	reference  = "https://pkg.go.dev/github.com/gocql/gocql@v1.7.0"
)

type (
	Batch                   = gocql.Batch
	BatchType               = gocql.BatchType
	ClusterConfig           = gocql.ClusterConfig
	CollectionType          = gocql.CollectionType
	Consistency             = gocql.Consistency
	Duration                = gocql.Duration
	HostInfo                = gocql.HostInfo
	Iter                    = gocql.Iter
	KeyspaceMetadata        = gocql.KeyspaceMetadata
	ObservedFrameHeader     = gocql.ObservedFrameHeader
	PasswordAuthenticator   = gocql.PasswordAuthenticator
	Query                   = gocql.Query
	QueryInfo               = gocql.QueryInfo
	RequestErrAlreadyExists = gocql.RequestErrAlreadyExists
	RequestErrUnavailable   = gocql.RequestErrUnavailable
	RequestError            = gocql.RequestError
	Session                 = gocql.Session
	SslOptions              = gocql.SslOptions
	TupleTypeInfo           = gocql.TupleTypeInfo
	TypeInfo                = gocql.TypeInfo
	UDTTypeInfo             = gocql.UDTTypeInfo
)

const (
	CounterBatch  = gocql.CounterBatch
	LoggedBatch   = gocql.LoggedBatch
	UnloggedBatch = gocql.UnloggedBatch
	Serial        = gocql.Consistency(gocql.Serial)
	TypeDate      = gocql.TypeDate
	TypeInet      = gocql.TypeInet
	TypeList      = gocql.TypeList
	TypeMap       = gocql.TypeMap
	TypeSet       = gocql.TypeSet
)

var (
	Marshal          = gocql.Marshal
	NamedValue       = gocql.NamedValue
	NewCluster       = gocql.NewCluster
	ParseConsistency = gocql.ParseConsistency
	Unmarshal        = gocql.Unmarshal
	UnsetValue       = gocql.UnsetValue
)

// knowsVectors: they came with 2.0.
const knowsVectors = false

// preferred is a pointer to a new value of the Go type that the driver takes for info.
func preferred(info TypeInfo) (reflect.Value, error) {
	into, err := info.NewWithError()
	return reflect.ValueOf(into), err
}

// elementOf is the type of the elements of a list or set; nil for other types.
func elementOf(info TypeInfo) TypeInfo {
	if info.Type() == TypeList || info.Type() == TypeSet {
		return info.(CollectionType).Elem
	}
	return nil
}

// hosts are the nodes that a session knows: this driver tells only which one has answered.
func hosts(session *Session) ([]*HostInfo, error) {
	iter := session.Query("SELECT key FROM system.local").Iter()
	return []*HostInfo{iter.Host()}, iter.Close()
}

// listen does nothing: this driver tells nobody of changes of the schema.
func listen(*ClusterConfig) *listener { return nil }

// lz4Compressor is what the driver leaves to its users to bring; a body begins with its length.
type lz4Compressor struct{}

func (lz4Compressor) Name() string { return "lz4" }

func (lz4Compressor) Encode(body []byte) ([]byte, error) {
	packed := make([]byte, 4+lz4.CompressBlockBound(len(body)))
	binary.BigEndian.PutUint32(packed, uint32(len(body)))
	length, err := lz4.CompressBlock(body, packed[4:], nil)
	return packed[:4+length], err
}

func (lz4Compressor) Decode(packed []byte) ([]byte, error) {
	body := make([]byte, binary.BigEndian.Uint32(packed))
	_, err := lz4.UncompressBlock(packed[4:], body)
	return body, err
}
