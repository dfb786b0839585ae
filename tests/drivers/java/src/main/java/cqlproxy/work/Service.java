package cqlproxy.work;

import com.datastax.oss.driver.api.core.CqlSession;
import com.datastax.oss.driver.api.core.CqlSessionBuilder;
import com.datastax.oss.driver.api.core.DriverException;
import com.datastax.oss.driver.api.core.config.DefaultDriverOption;
import com.datastax.oss.driver.api.core.cql.AsyncResultSet;
import com.datastax.oss.driver.api.core.cql.PreparedStatement;
import com.datastax.oss.driver.api.core.cql.ResultSet;
import com.datastax.oss.driver.api.core.cql.Statement;
import com.datastax.oss.driver.api.core.metadata.Node;
import com.datastax.oss.driver.api.core.ssl.ProgrammaticSslEngineFactory;
import com.datastax.oss.driver.internal.core.context.InternalDriverContext;
import java.io.InputStream;
import java.net.InetSocketAddress;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.KeyStore;
import java.security.cert.CertificateFactory;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletionException;
import java.util.concurrent.CompletionStage;
import java.util.function.IntFunction;
import javax.net.ssl.SSLContext;
import javax.net.ssl.TrustManagerFactory;

/** Connections: what a client finds, many requests at once, restarts, passwords, TLS. */
final class Service {
  private static final String GUARDED = Connection.KEYSPACE + "_auth";
  private static final String READ = "SELECT k, v FROM " + GUARDED + ".t";
  private static final int REQUESTS = 1000;

  private final Work work;
  private PreparedStatement select;
  private PreparedStatement insert;

  Service(Work work) {
    this.work = work;
  }

  void connect() {
    Work.Feature feature = work.feature("connect");
    int version = work.session().getContext().getProtocolVersion().getCode();
    feature.note("protocol", Integer.toString(version));
    feature.plain(
        "local",
        "SELECT key, bootstrapped, cluster_name, cql_version, data_center, "
            + "native_protocol_version, partitioner, rack, release_version FROM system.local");
  }

  void discover() {
    Work.Feature feature = work.feature("discover");
    List<Map<String, Object>> nodes = new ArrayList<>();
    for (Node node : work.session().getMetadata().getNodes().values()) {
      Map<String, Object> known = new LinkedHashMap<>();
      InetSocketAddress address = (InetSocketAddress) node.getEndPoint().resolve();
      known.put("address", address.getAddress().getHostAddress());
      known.put("datacenter", node.getDatacenter());
      known.put("rack", node.getRack());
      known.put("version", String.valueOf(node.getCassandraVersion()));
      work.session()
          .getMetadata()
          .getTokenMap()
          .ifPresent(map -> known.put("tokens", Integer.toString(map.getTokens(node).size())));
      nodes.add(known);
    }
    feature.note("nodes", nodes);
    feature.plain("peers", "SELECT count(*) FROM system.peers");
    feature.plain("peers_v2", "SELECT count(*) FROM system.peers_v2");
  }

  void concurrency() {
    Work.Feature feature = work.feature("concurrency");
    PreparedStatement write = work.session().prepare("INSERT INTO many (k, v) VALUES (?, ?)");
    PreparedStatement read = work.session().prepare("SELECT v FROM many WHERE k = ?");
    feature.note("writes", outcome(i -> write.bind(i, 7L * i), new ArrayList<>()));
    List<AsyncResultSet> results = new ArrayList<>();
    Map<String, Object> reads = outcome(read::bind, results);
    long sum = results.stream().mapToLong(result -> result.one().getLong(0)).sum();
    reads.put("sum", Long.toString(sum));
    feature.note("reads", reads);
  }

  private Map<String, Object> outcome(
      IntFunction<Statement<?>> statement, List<AsyncResultSet> results) {
    List<CompletionStage<AsyncResultSet>> sent = new ArrayList<>();
    for (int i = 0; i < REQUESTS; i++) {
      sent.add(work.session().executeAsync(statement.apply(i)));
    }
    List<Object> errors = new ArrayList<>();
    for (CompletionStage<AsyncResultSet> answer : sent) {
      try {
        results.add(answer.toCompletableFuture().join());
      } catch (CompletionException error) {
        errors.add(Transcript.failure(error.getCause()));
      }
    }
    Map<String, Object> outcome = new LinkedHashMap<>();
    outcome.put("done", Integer.toString(REQUESTS - errors.size()));
    outcome.put("errors", errors);
    return outcome;
  }

  void compression() {
    Work.Feature feature = work.feature("compression");
    var options =
        Connection.options().withString(DefaultDriverOption.PROTOCOL_COMPRESSION, "lz4");
    try (CqlSession session =
        Connection.to("CQL", options).withKeyspace(work.keyspace()).build()) {
      var context = (InternalDriverContext) session.getContext();
      feature.note("algorithm", context.getCompressor().algorithm());
      String large = "y".repeat(100_000);
      session.execute(session.prepare(Statements.SHORT_INSERT).bind(11, 1, large));
      PreparedStatement read = session.prepare("SELECT v FROM items WHERE k = ? AND c = ?");
      feature.step(
          "large",
          () -> Integer.toString(session.execute(read.bind(11, 1)).one().getString(0).length()));
    }
  }

  /** Before the restart. */
  void prepare() {
    select = work.session().prepare("SELECT v FROM items WHERE k = ? AND c = ?");
    insert = work.session().prepare(Statements.SHORT_INSERT);
    work.session().execute(select.bind(1, 1));
    work.session().execute(insert.bind(12, 0, "before"));
  }

  /** After it. */
  void reconnection() {
    work.feature("reconnection").step("answer", () -> Transcript.rows(reconnected()));
    Work.Feature feature = work.feature("repreparation");
    feature.ask("read", select.bind(1, 1));
    feature.ask("write", insert.bind(12, 1, "after"));
    feature.plain("rows", "SELECT v FROM items WHERE k = 12");
  }

  private ResultSet reconnected() throws InterruptedException {
    long deadline = System.nanoTime() + 60_000_000_000L;
    while (true) {
      try {
        return work.session().execute("SELECT v FROM items WHERE k = 1 AND c = 1");
      } catch (DriverException error) {
        if (System.nanoTime() > deadline) {
          throw error;
        }
        Thread.sleep(100);
      }
    }
  }

  private static CqlSessionBuilder as(CqlSessionBuilder builder, String who) {
    return builder.withAuthCredentials(
        System.getenv(who + "_USERNAME"), System.getenv(who + "_PASSWORD"));
  }

  private static Map<String, Object> readBy(CqlSessionBuilder builder) {
    try (CqlSession session = builder.build()) {
      return Transcript.rows(session.execute(READ));
    }
  }

  void authentication() {
    Work.Feature feature = work.feature("authentication");
    try (CqlSession session = as(Connection.to("CQL_AUTH"), "CQL").build()) {
      session.execute("CREATE KEYSPACE " + GUARDED + Connection.REPLICATED);
      session.execute("CREATE TABLE " + GUARDED + ".t (k int PRIMARY KEY, v text)");
      PreparedStatement write =
          session.prepare("INSERT INTO " + GUARDED + ".t (k, v) VALUES (?, ?)");
      session.execute(write.bind(1, "mine"));
      feature.step("accepted", () -> Transcript.rows(session.execute(READ)));
    }
    feature.step("forbidden", () -> readBy(as(Connection.to("CQL_AUTH"), "CQL_OTHER")));
    String user = System.getenv("CQL_USERNAME");
    feature.step(
        "wrong password",
        () -> readBy(Connection.to("CQL_AUTH").withAuthCredentials(user, "wrong")));
    feature.step("no password", () -> readBy(Connection.to("CQL_AUTH")));
  }

  void tls() throws Exception {
    Work.Feature feature = work.feature("tls");
    KeyStore trusted = KeyStore.getInstance(KeyStore.getDefaultType());
    trusted.load(null);
    try (InputStream file = Files.newInputStream(Path.of(System.getenv("CQL_CA_FILE")))) {
      trusted.setCertificateEntry(
          "authority", CertificateFactory.getInstance("X.509").generateCertificate(file));
    }
    TrustManagerFactory trust =
        TrustManagerFactory.getInstance(TrustManagerFactory.getDefaultAlgorithm());
    trust.init(trusted);
    SSLContext context = SSLContext.getInstance("TLS");
    context.init(null, trust.getTrustManagers(), null);
    try (CqlSession session = encrypted(context).build()) {
      PreparedStatement write =
          session.prepare("INSERT INTO " + GUARDED + ".t (k, v) VALUES (?, ?)");
      session.execute(write.bind(2, "secret"));
      feature.step("accepted", () -> Transcript.rows(session.execute(READ)));
    }
    String untrusted = "accepted";
    try {
      readBy(encrypted(SSLContext.getDefault()));
    } catch (DriverException error) {
      untrusted = "refused";
    }
    feature.note("untrusted", untrusted);
  }

  /** As the owner, names verified. */
  private static CqlSessionBuilder encrypted(SSLContext context) {
    return as(Connection.to("CQL_TLS"), "CQL")
        .withSslEngineFactory(new ProgrammaticSslEngineFactory(context, null, true));
  }
}
