//go:build !gocql1

package main

import (
	"reflect"

	gocql "github.com/apache/cassandra-gocql-driver/v2"
	"github.com/apache/cassandra-gocql-driver/v2/lz4"
)

const (
	clientName = "apache/cassandra-gocql-driver"
	module     = "github.com/apache/cassandra-gocql-driver/v2"
	reference  = "https://pkg.go.dev/github.com/apache/cassandra-gocql-driver/v2@v2.1.2"
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

	lz4Compressor = lz4.LZ4Compressor
)

const (
	CounterBatch  = gocql.CounterBatch
	LoggedBatch   = gocql.LoggedBatch
	UnloggedBatch = gocql.UnloggedBatch
	Serial        = gocql.Serial
	TypeDate      = gocql.TypeDate
	TypeInet      = gocql.TypeInet
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

const knowsVectors = true

// preferred is a pointer to a new value of the Go type that the driver takes for info.
func preferred(info TypeInfo) (reflect.Value, error) {
	return reflect.New(reflect.TypeOf(info.Zero())), nil
}

// elementOf is the type of the elements of a list, set or vector; nil for other types.
func elementOf(info TypeInfo) TypeInfo {
	switch t := info.(type) {
	case gocql.VectorType:
		return t.SubType
	case CollectionType:
		if t.Type() != TypeMap {
			return t.Elem
		}
	}
	return nil
}

// hosts are the nodes that a session knows.
func hosts(session *Session) ([]*HostInfo, error) {
	return session.GetHosts(), nil
}

// listen has the cluster tell of tables that are made and dropped.
func listen(config *ClusterConfig) *listener {
	heard := &listener{}
	config.Metadata.SchemaListener.TableChangeListener = heard
	return heard
}

// OnTableCreated, OnTableUpdated and OnTableDropped are what the driver calls.
func (l *listener) OnTableCreated(event gocql.OnTableCreatedEvent) {
	l.note("created", event.Table.Name)
}

func (l *listener) OnTableUpdated(event gocql.OnTableUpdatedEvent) { l.note("updated", event.New.Name) }

func (l *listener) OnTableDropped(event gocql.OnTableDroppedEvent) {
	l.note("dropped", event.Table.Name)
}
