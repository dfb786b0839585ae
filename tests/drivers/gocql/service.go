package main

import (
	"fmt"
	"os"
	"strconv"
	"strings"
	"sync"
	"time"
)

func (w *work) service() {
	w.concurrency()
	w.compression()
	w.reconnection()
	w.authentication()
	w.encryption()
}

func (w *work) concurrency() {
	w.feature = "concurrency"
	const requests = 1000
	outcome := func(each func(i int) (int64, error)) (int64, line) {
		var group sync.WaitGroup
		results, failures := make([]int64, requests), make([]error, requests)
		for i := range requests {
			group.Go(func() { results[i], failures[i] = each(i) })
		}
		group.Wait()
		var sum int64
		failed := []any{}
		for i, err := range failures {
			sum += results[i]
			if err != nil {
				failed = append(failed, failure(err))
			}
		}
		return sum, line{"done": fmt.Sprint(requests - len(failed)), "errors": failed}
	}
	_, writes := outcome(func(i int) (int64, error) {
		return 0, w.session.Query("INSERT INTO many (k, v) VALUES (?, ?)", i, 7*i).Exec()
	})
	w.step("writes", writes, nil)
	sum, reads := outcome(func(i int) (v int64, err error) {
		return v, w.session.Query("SELECT v FROM many WHERE k = ?", i).Scan(&v)
	})
	reads["sum"] = fmt.Sprint(sum)
	w.step("reads", reads, nil)
}

func (w *work) compression() {
	w.feature = "compression"
	config := cluster("CQL")
	config.Keyspace = w.keyspace
	config.Compressor = lz4Compressor{}
	session, err := config.CreateSession()
	must(err)
	defer session.Close()
	w.unsupported("algorithm", "the driver does not tell what was agreed on", reference)
	must(session.Query("INSERT INTO items (k, c, v) VALUES (?, ?, ?)", 11, 1, strings.Repeat("y", 100_000)).Exec())
	var large string
	err = session.Query("SELECT v FROM items WHERE k = ? AND c = ?", 11, 1).Scan(&large)
	w.step("large", strconv.Itoa(len(large)), err)
}

func (w *work) reconnection() {
	w.feature = "reconnection"
	const (
		read  = "SELECT v FROM items WHERE k = ? AND c = ?"
		write = "INSERT INTO items (k, c, v) VALUES (?, ?, ?)"
	)
	w.do(read, 1, 1)
	w.do(write, 12, 0, "before")
	w.ask("restart")
	var answer line
	var err error
	for deadline := time.Now().Add(time.Minute); time.Now().Before(deadline); time.Sleep(100 * time.Millisecond) {
		answer, err = rows(w.session.Query("SELECT v FROM items WHERE k = 1 AND c = 1").Iter())
		if err == nil {
			break
		}
	}
	w.step("answer", answer, err)
	w.feature = "repreparation"
	w.query("read", read, 1, 1)
	w.query("write", write, 12, 1, "after")
	w.query("rows", "SELECT v FROM items WHERE k = 12")
}

func as(config *ClusterConfig, username, password string) *ClusterConfig {
	config.Authenticator = PasswordAuthenticator{Username: username, Password: password}
	return config
}

// inSession writes down what the statement gives in a session of its own, or why there is no session.
func (w *work) inSession(step string, config *ClusterConfig, statement string) {
	session, err := config.CreateSession()
	if err != nil {
		w.step(step, nil, err)
		return
	}
	defer session.Close()
	w.result(step, session.Query(statement))
}

// guardedTable is on the servers that ask for a password.
func (w *work) guardedTable() string { return w.keyspace + "_auth.t" }

func (w *work) authentication() {
	w.feature = "authentication"
	username, password := os.Getenv("CQL_USERNAME"), os.Getenv("CQL_PASSWORD")
	table := w.guardedTable()
	read := "SELECT k, v FROM " + table
	session, err := as(cluster("CQL_AUTH"), username, password).CreateSession()
	must(err)
	defer session.Close()
	must(session.Query("CREATE KEYSPACE " + w.keyspace + "_auth" + replicated).Exec())
	must(session.Query("CREATE TABLE " + table + " (k int PRIMARY KEY, v text)").Exec())
	must(session.Query("INSERT INTO "+table+" (k, v) VALUES (?, ?)", 1, "mine").Exec())
	w.result("accepted", session.Query(read))
	other := as(cluster("CQL_AUTH"), os.Getenv("CQL_OTHER_USERNAME"), os.Getenv("CQL_OTHER_PASSWORD"))
	w.inSession("forbidden", other, read)
	w.inSession("wrong password", as(cluster("CQL_AUTH"), username, "wrong"), read)
	w.inSession("no password", cluster("CQL_AUTH"), read)
}

func (w *work) encryption() {
	w.feature = "tls"
	server := func() *ClusterConfig {
		return as(cluster("CQL_TLS"), os.Getenv("CQL_USERNAME"), os.Getenv("CQL_PASSWORD"))
	}
	trusting := server()
	trusting.SslOpts = &SslOptions{CaPath: os.Getenv("CQL_CA_FILE"), EnableHostVerification: true}
	session, err := trusting.CreateSession()
	must(err)
	defer session.Close()
	must(session.Query("INSERT INTO "+w.guardedTable()+" (k, v) VALUES (?, ?)", 2, "secret").Exec())
	w.result("accepted", session.Query("SELECT k, v FROM "+w.guardedTable()))
	unknowing := server()
	unknowing.SslOpts = &SslOptions{}
	outcome := "refused"
	if session, err := unknowing.CreateSession(); err == nil {
		session.Close()
		outcome = "accepted"
	}
	w.step("untrusted", outcome, nil)
}
