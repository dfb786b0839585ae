package main

import (
	"context"
	"fmt"
	"maps"
	"runtime/debug"
	"slices"
	"sync"
	"sync/atomic"
)

const replicated = " WITH replication = {'class': 'SimpleStrategy', 'replication_factor': 1}"

// driverVersion is the version of the driver that this program was linked with.
func driverVersion() string {
	built, _ := debug.ReadBuildInfo()
	for _, dependency := range built.Deps {
		if dependency.Path == module {
			return dependency.Version
		}
	}
	panic("this program was built without " + module)
}

// lastVersion is the protocol version of the last frame that was read.
type lastVersion struct{ atomic.Int32 }

func (v *lastVersion) ObserveFrameHeader(_ context.Context, header ObservedFrameHeader) {
	v.Store(int32(header.Version) & 0x7f)
}

func (w *work) connection() {
	var version lastVersion
	config := cluster("CQL")
	config.FrameHeaderObserver = &version
	session, err := config.CreateSession()
	must(err)
	w.session = session

	w.feature = "connect"
	w.step("protocol", fmt.Sprint(version.Load()), nil)
	w.query("local", "SELECT key, bootstrapped, cluster_name, cql_version, data_center, native_protocol_version, "+
		"partitioner, rack, release_version FROM system.local")

	w.feature = "discover"
	known, err := hosts(session)
	nodes := []line{}
	for _, host := range known {
		nodes = append(nodes, line{
			"address":    host.ConnectAddress().String(),
			"datacenter": host.DataCenter(),
			"rack":       host.Rack(),
			"version":    host.Version().String(),
			"tokens":     fmt.Sprint(len(host.Tokens())),
		})
	}
	w.step("nodes", nodes, err)
	w.query("peers", "SELECT count(*) FROM system.peers")
	w.query("peers_v2", "SELECT count(*) FROM system.peers_v2")
}

func (w *work) schema() {
	w.feature = "schema"
	w.do("CREATE KEYSPACE " + w.keyspace + replicated)
	w.session.Close()
	session, err := inKeyspace(w.keyspace)
	must(err)
	w.session = session
	for _, statement := range w.script.Schema {
		w.do(statement)
	}
	w.agreed()
	var tables []string
	eventually(func() bool { // the driver follows the events of its schema changes at its leisure
		tables = slices.Sorted(maps.Keys(w.known(session).Tables))
		return len(tables) == 5
	})
	w.step("tables", tables, nil)
	metadata := w.known(session)
	items := metadata.Tables["items"]
	columns := [][]string{}
	for _, name := range slices.Sorted(maps.Keys(items.Columns)) {
		columns = append(columns, []string{name, items.Columns[name].Validator})
	}
	w.step("items", columns, nil)
	key := [2][]string{}
	for _, column := range items.PartitionKey {
		key[0] = append(key[0], column.Name)
	}
	for _, column := range items.ClusteringColumns {
		key[1] = append(key[1], column.Name)
	}
	w.step("key", key, nil)
	address := metadata.UserTypes["address"]
	described := [][]string{}
	for i, name := range address.FieldNames {
		described = append(described, []string{name, typeName(address.FieldTypes[i])})
	}
	w.step("type", described, nil)
}

func (w *work) agreed() {
	err := w.session.AwaitSchemaAgreement(context.Background())
	w.step("agreed", err == nil, err)
}

func (w *work) use() {
	w.feature = "use"
	other := w.keyspace + "_b"
	w.do("CREATE KEYSPACE " + other + replicated)
	w.do("CREATE TABLE " + other + ".t (k int PRIMARY KEY, v text)")
	w.do("INSERT INTO " + other + ".t (k, v) VALUES (1, 'there')")
	const count = "SELECT count(*) FROM many"
	w.queryIn("other", other, "SELECT k, v FROM t")
	w.queryIn("back", w.keyspace, count)
	w.queryIn("missing", w.keyspace+"_none", count)
	w.query("still", count)
}

// queryIn executes a statement in a new session that uses keyspace: sessions of this driver do not change theirs.
func (w *work) queryIn(step, keyspace, statement string) {
	session, err := inKeyspace(keyspace)
	if err != nil {
		w.step(step, nil, err)
		return
	}
	defer session.Close()
	w.result(step, session.Query(statement))
}

func (w *work) metadata() {
	w.feature = "metadata"
	const read = "SELECT * FROM altered WHERE k = ?"
	w.do(read, 1)
	w.do("INSERT INTO altered (k, v) VALUES (1, 'a')")
	w.do("ALTER TABLE altered ADD extra int")
	var columns []string
	eventually(func() bool {
		columns = slices.Sorted(maps.Keys(w.known(w.session).Tables["altered"].Columns))
		return slices.Contains(columns, "extra")
	})
	w.step("columns", columns, nil)
	w.do("UPDATE altered SET extra = 7 WHERE k = 1")
	w.query("prepared before", read, 1)
	w.agreed()
}

// known is what session knows of the keyspace.
func (w *work) known(session *Session) *KeyspaceMetadata {
	metadata, err := session.KeyspaceMetadata(w.keyspace)
	must(err)
	return metadata
}

// listener writes down what it is told of the table heard.
type listener struct {
	mutex sync.Mutex
	told  []string
}

func (l *listener) note(change, table string) {
	l.mutex.Lock()
	defer l.mutex.Unlock()
	if table == "heard" {
		l.told = append(l.told, change+" "+table)
	}
}

func (l *listener) all() []string {
	l.mutex.Lock()
	defer l.mutex.Unlock()
	return slices.Clone(l.told)
}

func (w *work) events() {
	w.feature = "events"
	config := cluster("CQL")
	config.Keyspace = w.keyspace
	heard := listen(config)
	second, err := config.CreateSession()
	must(err)
	defer second.Close()
	knows := func() bool { return w.known(second).Tables["heard"] != nil }
	knows() // from now on, it looks again only after it was told to
	w.do("CREATE TABLE heard (k int PRIMARY KEY)")
	w.step("created", eventually(knows), nil)
	w.do("DROP TABLE heard")
	w.step("dropped", eventually(func() bool { return !knows() }), nil)
	if heard == nil {
		w.unsupported("told", "the driver has no listeners for changes of the schema", reference)
		return
	}
	eventually(func() bool { return len(heard.all()) == 2 })
	w.step("told", heard.all(), nil)
}
