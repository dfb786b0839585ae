package cqlproxy.work;

import com.datastax.oss.driver.api.core.CqlSession;
import com.datastax.oss.driver.api.core.session.Session;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.nio.file.Path;
import java.util.Map;

/** Does the work of tests/drivers/README.md, and writes its transcript to standard output. */
public final class Main {
  private Main() {}

  public static void main(String[] arguments) throws Exception {
    JsonNode script = new ObjectMapper().readTree(Path.of(System.getenv("CQL_SCRIPT")).toFile());
    Transcript transcript = new Transcript(System.out);
    BufferedReader asked = new BufferedReader(new InputStreamReader(System.in));
    transcript.say(
        Map.of(
            "client", Session.OSS_DRIVER_COORDINATES.getName(),
            "version", Session.OSS_DRIVER_COORDINATES.getVersion().toString()));
    try (CqlSession session = Connection.to("CQL").build()) {
      Work work = new Work(session, transcript, Connection.KEYSPACE, script);
      Service service = new Service(work);
      Schema schema = new Schema(work);
      Values values = new Values(work);
      Statements statements = new Statements(work);
      Settings settings = new Settings(work);

      service.connect();
      service.discover();
      schema.schema();
      statements.statements();
      values.types();
      values.nulls();
      values.collections();
      values.others();
      statements.conditional();
      statements.counters();
      ask(transcript, asked, "middle");
      statements.batches();
      statements.paging();
      statements.named();
      schema.use();
      schema.metadata();
      schema.events();
      settings.tracing();
      settings.consistency();
      settings.timestamps();
      settings.ttl();
      settings.errors();
      service.concurrency();
      service.compression();
      service.prepare();
      ask(transcript, asked, "restart");
      service.reconnection();
      service.authentication();
      service.tls();
    }
  }

  /** Waits until the suite has done what the script asks for. */
  private static void ask(Transcript transcript, BufferedReader asked, String what) throws IOException {
    transcript.say(Map.of("ask", what));
    asked.readLine();
  }
}
