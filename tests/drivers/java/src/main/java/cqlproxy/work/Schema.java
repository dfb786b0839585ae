package cqlproxy.work;

import com.datastax.oss.driver.api.core.CqlSession;
import com.datastax.oss.driver.api.core.cql.PreparedStatement;
import com.datastax.oss.driver.api.core.metadata.schema.ColumnMetadata;
import com.datastax.oss.driver.api.core.metadata.schema.KeyspaceMetadata;
import com.datastax.oss.driver.api.core.metadata.schema.SchemaChangeListenerBase;
import com.datastax.oss.driver.api.core.metadata.schema.TableMetadata;
import com.datastax.oss.driver.api.core.type.UserDefinedType;
import com.fasterxml.jackson.databind.JsonNode;
import java.util.ArrayList;
import java.util.Collection;
import java.util.Collections;
import java.util.List;

/** Keyspaces, tables and types: made, looked at, and changed. */
final class Schema {
  private final Work work;

  Schema(Work work) {
    this.work = work;
  }

  void schema() {
    Work.Feature feature = work.feature("schema");
    work.run("CREATE KEYSPACE " + work.keyspace() + Connection.REPLICATED);
    work.run("USE " + work.keyspace());
    for (JsonNode statement : work.script().get("schema")) {
      work.run(statement.asText());
    }
    feature.step("agreed", work.session()::checkSchemaAgreement);
    KeyspaceMetadata keyspace = known(work.session());
    feature.note(
        "tables",
        keyspace.getTables().keySet().stream().map(name -> name.asInternal()).sorted().toList());
    TableMetadata items = keyspace.getTable("items").orElseThrow();
    feature.note(
        "items",
        items.getColumns().values().stream()
            .map(column -> List.of(column.getName().asInternal(), column.getType().asCql(true, true)))
            .sorted((left, right) -> left.get(0).compareTo(right.get(0)))
            .toList());
    feature.note(
        "key",
        List.of(names(items.getPartitionKey()), names(items.getClusteringColumns().keySet())));
    UserDefinedType address = keyspace.getUserDefinedType("address").orElseThrow();
    List<List<String>> fields = new ArrayList<>();
    for (int i = 0; i < address.getFieldNames().size(); i++) {
      fields.add(
          List.of(
              address.getFieldNames().get(i).asInternal(),
              address.getFieldTypes().get(i).asCql(true, true)));
    }
    feature.note("type", fields);
  }

  private KeyspaceMetadata known(CqlSession session) {
    return session.getMetadata().getKeyspace(work.keyspace()).orElseThrow();
  }

  private static List<String> names(Collection<ColumnMetadata> columns) {
    return columns.stream().map(column -> column.getName().asInternal()).toList();
  }

  void use() {
    Work.Feature feature = work.feature("use");
    String other = work.keyspace() + "_b";
    work.run("CREATE KEYSPACE " + other + Connection.REPLICATED);
    work.run("CREATE TABLE " + other + ".t (k int PRIMARY KEY, v text)");
    work.run("INSERT INTO " + other + ".t (k, v) VALUES (1, 'there')");
    work.run("USE " + other);
    feature.plain("other", "SELECT k, v FROM t");
    work.run("USE " + work.keyspace());
    feature.plain("back", "SELECT count(*) FROM many");
    feature.plain("missing", "USE " + work.keyspace() + "_none");
    feature.plain("still", "SELECT count(*) FROM many");
  }

  void metadata() throws InterruptedException {
    Work.Feature feature = work.feature("metadata");
    PreparedStatement read = work.session().prepare("SELECT * FROM altered WHERE k = ?");
    work.session().execute(read.bind(1));
    work.run("INSERT INTO altered (k, v) VALUES (1, 'a')");
    work.run("ALTER TABLE altered ADD extra int");
    TableMetadata[] altered = new TableMetadata[1];
    Connection.eventually(
        () -> {
          altered[0] = known(work.session()).getTable("altered").orElseThrow();
          return altered[0].getColumn("extra").isPresent();
        });
    feature.note("columns", names(altered[0].getColumns().values()).stream().sorted().toList());
    work.run("UPDATE altered SET extra = 7 WHERE k = 1");
    feature.ask("prepared before", read.bind(1));
    feature.step("agreed", work.session()::checkSchemaAgreement);
  }

  /** Remembers what it is told of the table {@code heard}. */
  private static final class Listener extends SchemaChangeListenerBase {
    final List<String> told = Collections.synchronizedList(new ArrayList<>());

    @Override
    public void onTableCreated(TableMetadata table) {
      note("created ", table);
    }

    @Override
    public void onTableDropped(TableMetadata table) {
      note("dropped ", table);
    }

    private void note(String change, TableMetadata table) {
      if (table.getName().asInternal().equals("heard")) {
        told.add(change + table.getName().asInternal());
      }
    }
  }

  void events() throws InterruptedException {
    Work.Feature feature = work.feature("events");
    Listener listener = new Listener();
    try (CqlSession second = Connection.to("CQL").withSchemaChangeListener(listener).build()) {
      work.run("CREATE TABLE heard (k int PRIMARY KEY)");
      feature.note(
          "created", Connection.eventually(() -> known(second).getTable("heard").isPresent()));
      work.run("DROP TABLE heard");
      feature.note(
          "dropped", Connection.eventually(() -> known(second).getTable("heard").isEmpty()));
      Connection.eventually(() -> listener.told.size() == 2);
      feature.note("told", listener.told);
    }
  }
}
