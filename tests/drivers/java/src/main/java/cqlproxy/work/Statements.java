package cqlproxy.work;

import com.datastax.oss.driver.api.core.ConsistencyLevel;
import com.datastax.oss.driver.api.core.cql.BatchStatement;
import com.datastax.oss.driver.api.core.cql.BatchType;
import com.datastax.oss.driver.api.core.cql.DefaultBatchType;
import com.datastax.oss.driver.api.core.cql.PreparedStatement;
import com.datastax.oss.driver.api.core.cql.ResultSet;
import com.datastax.oss.driver.api.core.cql.SimpleStatement;
import com.datastax.oss.driver.api.core.cql.Statement;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** Reads and writes of all kinds. */
final class Statements {
  static final String INSERT = "INSERT INTO items (k, c, v, w) VALUES (?, ?, ?, ?)";
  static final String SHORT_INSERT = "INSERT INTO items (k, c, v) VALUES (?, ?, ?)";

  private final Work work;

  Statements(Work work) {
    this.work = work;
  }

  void statements() {
    Work.Feature feature = work.feature("statements");
    feature.plain("insert", "INSERT INTO items (k, c, v, w) VALUES (1, 1, 'plain', 10)");
    feature.ask("insert with values", SimpleStatement.newInstance(INSERT, 1, 2, "valued", 20L));
    PreparedStatement insert = work.session().prepare(INSERT);
    feature.ask("insert prepared", insert.bind(1, 3, "prepared", 30L));
    work.session().execute(insert.bind(1, 4, "gone", 40L));
    List<List<String>> variables = new ArrayList<>();
    insert
        .getVariableDefinitions()
        .forEach(
            variable ->
                variables.add(
                    List.of(
                        variable.getName().asInternal(), variable.getType().asCql(true, true))));
    feature.note("variables", variables);
    feature.plain("select", "SELECT * FROM items WHERE k = 1");
    feature.prepared("select prepared", "SELECT v, w FROM items WHERE k = ? AND c = ?", 1, 3);
    feature.plain("update", "UPDATE items SET v = 'updated' WHERE k = 1 AND c = 2");
    feature.prepared("delete", "DELETE FROM items WHERE k = ? AND c = ?", 1, 4);
    feature.plain("after", "SELECT * FROM items WHERE k = 1");
    feature.plain("functions", "SELECT count(*), max(w) AS most FROM items WHERE k = 1");
    feature.plain("json", "SELECT JSON * FROM items WHERE k = 1 AND c = 1");
    work.run("INSERT INTO moments (k, t, u) VALUES (1, now(), uuid())");
    work.run("INSERT INTO moments (k, t, u) VALUES (?, now(), uuid())", 2);
    feature.plain("now", "SELECT count(*) FROM moments");
  }

  void conditional() {
    Work.Feature feature = work.feature("lwt");
    feature.plain("applied", "INSERT INTO items (k, c, v) VALUES (3, 1, 'first') IF NOT EXISTS");
    feature.plain(
        "not applied", "INSERT INTO items (k, c, v) VALUES (3, 1, 'second') IF NOT EXISTS");
    String update = "UPDATE items SET v = ? WHERE k = ? AND c = ? IF v = ?";
    feature.prepared("update applied", update, "third", 3, 1, "first");
    feature.prepared("update not applied", update, "third", 3, 1, "first");
    feature.ask(
        "serial read",
        SimpleStatement.newInstance("SELECT v FROM items WHERE k = 3 AND c = 1")
            .setConsistencyLevel(ConsistencyLevel.SERIAL));
    feature.plain(
        "batch",
        "BEGIN BATCH INSERT INTO items (k, c, v) VALUES (3, 2, 'x') IF NOT EXISTS; "
            + "UPDATE items SET v = 'y' WHERE k = 3 AND c = 3; APPLY BATCH");
  }

  void counters() {
    Work.Feature feature = work.feature("counters");
    work.run("UPDATE hits SET n = n + 1 WHERE page = 'home'");
    work.run("UPDATE hits SET n = n + ? WHERE page = ?", 10L, "home");
    work.run("UPDATE hits SET n = n + ? WHERE page = ?", -3L, "home");
    feature.plain("value", "SELECT n FROM hits WHERE page = 'home'");
  }

  void batches() {
    Work.Feature feature = work.feature("batches");
    feature.ask("logged", several(DefaultBatchType.LOGGED, 1));
    feature.ask("unlogged", several(DefaultBatchType.UNLOGGED, 4));
    feature.ask(
        "counter",
        BatchStatement.newInstance(
            DefaultBatchType.COUNTER,
            work.session().prepare("UPDATE hits SET n = n + ? WHERE page = ?").bind(5L, "shop"),
            SimpleStatement.newInstance("UPDATE hits SET n = n + 7 WHERE page = 'home'")));
    feature.ask(
        "with timestamp",
        BatchStatement.newInstance(
                DefaultBatchType.LOGGED, work.session().prepare(SHORT_INSERT).bind(4, 7, "timed"))
            .setQueryTimestamp(1_000_000));
    feature.plain(
        "text",
        "BEGIN UNLOGGED BATCH INSERT INTO items (k, c, v) VALUES (4, 8, 'x'); "
            + "DELETE FROM items WHERE k = 4 AND c = 1; APPLY BATCH");
    feature.plain("rows", "SELECT c, v FROM items WHERE k = 4");
    feature.plain("counters", "SELECT page, n FROM hits");
    feature.plain("write time", "SELECT writetime(v) FROM items WHERE k = 4 AND c = 7");
  }

  private BatchStatement several(BatchType type, int first) {
    String text = "INSERT INTO items (k, c, v) VALUES (4, %d, 'text')".formatted(first);
    return BatchStatement.newInstance(
        type,
        SimpleStatement.newInstance(text),
        SimpleStatement.newInstance(SHORT_INSERT, 4, first + 1, "valued"),
        work.session().prepare(SHORT_INSERT).bind(4, first + 2, "prepared"));
  }

  void paging() {
    Work.Feature feature = work.feature("paging");
    PreparedStatement insert = work.session().prepare(INSERT);
    for (int c = 0; c < 50; c++) {
      work.session().execute(insert.bind(5, c, "row " + c, (long) c));
    }
    SimpleStatement plain =
        SimpleStatement.newInstance("SELECT c, v FROM items WHERE k = 5").setPageSize(7);
    List<ByteBuffer> states = new ArrayList<>();
    feature.step("pages", () -> pages(plain, states));
    List<String> all = new ArrayList<>();
    work.session().execute(plain).forEach(row -> all.add(Integer.toString(row.getInt(0))));
    feature.note("all", all);
    feature.step(
        "resumed",
        () ->
            Integer.toString(
                work.session().execute(plain.setPagingState(states.get(1))).one().getInt(0)));
    PreparedStatement prepared = work.session().prepare("SELECT c, v FROM items WHERE k = ?");
    feature.step("prepared", () -> pages(prepared.bind(5).setPageSize(7), new ArrayList<>()));
  }

  /** The numbers of rows on each page; collects the paging states after each. */
  private <S extends Statement<S>> List<String> pages(S statement, List<ByteBuffer> states) {
    List<String> lengths = new ArrayList<>();
    for (S next = statement; next != null; ) {
      ResultSet page = work.session().execute(next);
      lengths.add(Integer.toString(page.getAvailableWithoutFetching()));
      ByteBuffer state = page.getExecutionInfo().getPagingState();
      states.add(state);
      next = state == null ? null : statement.setPagingState(state);
    }
    return lengths;
  }

  void named() {
    Work.Feature feature = work.feature("named values");
    String insert = "INSERT INTO items (k, c, v) VALUES (:key, :column, :value)";
    feature.ask(
        "prepared",
        work.session()
            .prepare(insert)
            .boundStatementBuilder()
            .setString("value", "named")
            .setInt("column", 1)
            .setInt("key", 6)
            .build());
    Map<String, Object> values = new LinkedHashMap<>();
    values.put("value", "named");
    values.put("column", 2);
    values.put("key", 6);
    feature.ask("plain", SimpleStatement.newInstance(insert, values));
    feature.plain("rows", "SELECT c, v FROM items WHERE k = 6");
  }
}
