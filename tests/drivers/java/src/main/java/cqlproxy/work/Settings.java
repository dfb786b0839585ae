package cqlproxy.work;

import com.datastax.oss.driver.api.core.DefaultConsistencyLevel;
import com.datastax.oss.driver.api.core.cql.BatchStatement;
import com.datastax.oss.driver.api.core.cql.DefaultBatchType;
import com.datastax.oss.driver.api.core.cql.PreparedStatement;
import com.datastax.oss.driver.api.core.cql.QueryTrace;
import com.datastax.oss.driver.api.core.cql.SimpleStatement;
import com.datastax.oss.driver.api.core.cql.Statement;
import java.net.InetSocketAddress;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.Map;

/** What a request may ask for besides its statement, and what servers refuse. */
final class Settings {
  private static final List<DefaultConsistencyLevel> LEVELS =
      List.of(
          DefaultConsistencyLevel.ANY,
          DefaultConsistencyLevel.ONE,
          DefaultConsistencyLevel.TWO,
          DefaultConsistencyLevel.THREE,
          DefaultConsistencyLevel.QUORUM,
          DefaultConsistencyLevel.ALL,
          DefaultConsistencyLevel.LOCAL_QUORUM,
          DefaultConsistencyLevel.EACH_QUORUM,
          DefaultConsistencyLevel.LOCAL_ONE);

  private final Work work;

  Settings(Work work) {
    this.work = work;
  }

  void tracing() {
    SimpleStatement read =
        SimpleStatement.newInstance("SELECT v FROM items WHERE k = 1 AND c = 1").setTracing(true);
    work.feature("tracing")
        .step(
            "trace",
            () -> {
              QueryTrace trace = work.session().execute(read).getExecutionInfo().getQueryTrace();
              InetSocketAddress coordinator = trace.getCoordinatorAddress();
              return Map.of(
                  "coordinator", coordinator.getAddress().getHostAddress(),
                  "request", trace.getRequestType(),
                  "events", !trace.getEvents().isEmpty());
            });
  }

  void consistency() {
    Work.Feature feature = work.feature("consistency");
    PreparedStatement insert =
        work.session().prepare("INSERT INTO items (k, c, v) VALUES (7, 1, 'x')");
    SimpleStatement read = SimpleStatement.newInstance("SELECT v FROM items WHERE k = 7 AND c = 1");
    for (DefaultConsistencyLevel level : LEVELS) {
      feature.note(
          level.name(),
          Map.of(
              "write", outcome(insert.bind().setConsistencyLevel(level)),
              "read", outcome(read.setConsistencyLevel(level))));
    }
  }

  private Map<String, Object> outcome(Statement<?> statement) {
    try {
      return Transcript.rows(work.session().execute(statement));
    } catch (RuntimeException error) {
      return Transcript.failure(error);
    }
  }

  void timestamps() {
    Work.Feature feature = work.feature("timestamps");
    PreparedStatement insert = work.session().prepare(Statements.SHORT_INSERT);
    work.session().execute(insert.bind(8, 1, "x").setQueryTimestamp(1234567890123456L));
    feature.plain("given", written(1));
    work.run("INSERT INTO items (k, c, v) VALUES (8, 2, 'x') USING TIMESTAMP 42");
    feature.plain("in the text", written(2));
    work.session().execute(insert.bind(8, 3, "x"));
    feature.step(
        "default",
        () -> {
          long micros = work.session().execute(written(3)).one().getLong(0);
          Duration age = Duration.between(Instant.ofEpochMilli(micros / 1000), Instant.now());
          return age.abs().toMinutes() < 10;
        });
  }

  private static String written(int column) {
    return "SELECT writetime(v) FROM items WHERE k = 8 AND c = " + column;
  }

  void ttl() {
    Work.Feature feature = work.feature("ttl");
    work.run("INSERT INTO items (k, c, v) VALUES (9, 1, 'x') USING TTL ?", 1000);
    feature.step(
        "remaining",
        () -> {
          String read = "SELECT ttl(v) FROM items WHERE k = 9 AND c = 1";
          int remaining = work.session().execute(read).one().getInt(0);
          return 900 <= remaining && remaining <= 1000;
        });
    feature.plain("none", "SELECT ttl(v) FROM items WHERE k = 1 AND c = 1");
  }

  void errors() {
    Work.Feature feature = work.feature("errors");
    for (var entry : work.script().get("errors").properties()) {
      feature.plain(entry.getKey(), entry.getValue().asText());
      feature.prepared(entry.getKey() + " prepared", entry.getValue().asText());
    }
    feature.plain(
        "keyspace exists", "CREATE KEYSPACE " + work.keyspace() + Connection.REPLICATED);
    feature.prepared("null key", "INSERT INTO items (k, c) VALUES (?, ?)", null, 1);
    PreparedStatement insert = work.session().prepare(Statements.SHORT_INSERT);
    BatchStatement large = BatchStatement.newInstance(DefaultBatchType.UNLOGGED);
    for (int i = 0; i < 100; i++) {
      large = large.add(insert.bind(100 + i, 1, "x".repeat(1000)));
    }
    feature.ask("batch too large", large);
  }
}
