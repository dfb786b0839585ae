package cqlproxy.work;

import com.datastax.oss.driver.api.core.cql.BoundStatement;
import com.datastax.oss.driver.api.core.cql.PreparedStatement;
import com.datastax.oss.driver.api.core.cql.Row;
import com.fasterxml.jackson.databind.JsonNode;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;

/** Values of all types, written and read. */
final class Values {
  private final Work work;

  Values(Work work) {
    this.work = work;
  }

  void types() {
    roundTrips("types");
  }

  void collections() {
    roundTrips("collections");
    work.run(
        "UPDATE collections SET v0 = v0 + [9], v1 = v1 + {'new'}, v2['more'] = 5 WHERE k = '0 1'");
    work.feature("collections")
        .plain("changed", "SELECT v0, v1, v2 FROM collections WHERE k = '0 1'");
  }

  /** User-defined types, tuples and vectors. */
  void others() {
    roundTrips("udt");
    roundTrips("tuple");
    roundTrips("vector");
  }

  /** Values of each type, written as literals, read, and written as they were read. */
  private void roundTrips(String name) {
    Work.Feature feature = work.feature(name);
    List<Map.Entry<String, JsonNode>> types =
        List.copyOf(work.script().get("round_trips").get(name).properties());
    StringBuilder columns = new StringBuilder();
    for (int i = 0; i < types.size(); i++) {
      columns.append(", v%d %s".formatted(i, types.get(i).getKey()));
    }
    work.run("CREATE TABLE %s (k text PRIMARY KEY%s)".formatted(name, columns));
    for (int i = 0; i < types.size(); i++) {
      PreparedStatement select =
          work.session().prepare("SELECT v%d FROM %s WHERE k = ?".formatted(i, name));
      PreparedStatement insert =
          work.session().prepare("INSERT INTO %s (k, v%d) VALUES (?, ?)".formatted(name, i));
      List<Object> read = new ArrayList<>();
      List<Object> again = new ArrayList<>();
      for (int j = 0; j < types.get(i).getValue().size(); j++) {
        String key = i + " " + j;
        String literal = types.get(i).getValue().get(j).asText();
        work.run("INSERT INTO %s (k, v%d) VALUES ('%s', %s)".formatted(name, i, key, literal));
        try {
          Row row = work.session().execute(select.bind(key)).one();
          read.add(Notation.of(row, 0));
          Object value = row.isNull(0) ? null : row.getObject(0);
          work.session().execute(insert.bind(key + " again", value));
          again.add(Notation.of(work.session().execute(select.bind(key + " again")).one(), 0));
        } catch (RuntimeException error) {
          (read.size() > j ? again : read).add(Transcript.failure(error));
        }
      }
      feature.note(types.get(i).getKey(), Map.of("read", read, "again", again));
    }
  }

  void nulls() {
    Work.Feature feature = work.feature("nulls");
    PreparedStatement insert = work.session().prepare(Statements.INSERT);
    PreparedStatement read =
        work.session().prepare("SELECT v, w FROM items WHERE k = ? AND c = ?");
    work.session().execute(insert.bind(2, 1, null, 1L));
    feature.ask("null", read.bind(2, 1));
    work.session().execute(insert.bind(2, 2, "kept", 1L));
    BoundStatement unset = insert.bind(2, 2, null, 2L).unset("v");
    work.session().execute(unset);
    feature.ask("unset", read.bind(2, 2));
    work.session().execute(insert.bind(2, 2, null, 3L));
    feature.ask("null again", read.bind(2, 2));
  }
}
