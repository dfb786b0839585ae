// Gocql does the work of tests/drivers/README.md and writes its transcript to standard output.
//
// The same program is built for gocql 1.x (the build tag gocql1) and for its successor,
// apache/cassandra-gocql-driver 2.x: gocql1.go and gocql2.go hold all that differs. In both, the driver itself
// prepares every SELECT, INSERT, UPDATE, DELETE and BATCH, with values or without, and no other statement; "plain"
// and "prepared" are therefore the same calls here.
package main

import (
	"bufio"
	"encoding/json"
	"os"
	"strconv"
	"time"
)

const patience = 30 * time.Second

// work is the script of work under way: where to, and the session that most steps use.
type work struct {
	*transcript
	keyspace string
	script   script
	session  *Session
	asked    *bufio.Reader
}

// script is what script.json holds for all languages; the order of its entries is that of the work.
type script struct {
	Schema     []string
	RoundTrips struct{ Types, Collections, UDT, Tuple, Vector literals } `json:"round_trips"`
	Errors     statements
}

func main() {
	w := &work{
		transcript: &transcript{out: os.Stdout},
		keyspace:   os.Getenv("CQL_KEYSPACE"),
		asked:      bufio.NewReader(os.Stdin),
	}
	text, err := os.ReadFile(os.Getenv("CQL_SCRIPT"))
	must(err)
	must(json.Unmarshal(text, &w.script))
	w.say(line{"client": clientName, "version": driverVersion()})
	w.connection()
	w.schema()
	w.statements()
	w.values()
	w.writes()
	w.reads()
	w.settings()
	w.refusals()
	w.service()
}

// cluster is the configuration for a server whose address is in the environment under prefix; all defaults.
func cluster(prefix string) *ClusterConfig {
	config := NewCluster(os.Getenv(prefix + "_HOST"))
	port, err := strconv.Atoi(os.Getenv(prefix + "_PORT"))
	must(err)
	config.Port = port
	config.Timeout, config.ConnectTimeout = patience, patience
	return config
}

// inKeyspace is a new session that uses keyspace.
func inKeyspace(keyspace string) (*Session, error) {
	config := cluster("CQL")
	config.Keyspace = keyspace
	return config.CreateSession()
}

// ask waits until the suite has done what the script asks for.
func (w *work) ask(what string) {
	w.say(line{"ask": what})
	_, err := w.asked.ReadString('\n')
	must(err)
}

// do executes what only prepares the ground.
func (w *work) do(statement string, values ...any) {
	must(w.session.Query(statement, values...).Exec())
}

// query executes a statement and writes down what it gave.
func (w *work) query(step, statement string, values ...any) {
	w.result(step, w.session.Query(statement, values...))
}

func (w *work) result(step string, query *Query) {
	answer, err := rows(query.Iter())
	w.step(step, answer, err)
}

// eventually asks until condition holds, 10 s at most, and says whether it does.
func eventually(condition func() bool) bool {
	for deadline := time.Now().Add(10 * time.Second); time.Now().Before(deadline); time.Sleep(20 * time.Millisecond) {
		if condition() {
			return true
		}
	}
	return false
}

// must ends the program when what a step stands on failed.
func must(err error) {
	if err != nil {
		panic(err)
	}
}
