package cqlproxy.work;

import com.datastax.oss.driver.api.core.CqlSession;
import com.datastax.oss.driver.api.core.CqlSessionBuilder;
import com.datastax.oss.driver.api.core.config.DefaultDriverOption;
import com.datastax.oss.driver.api.core.config.DriverConfigLoader;
import com.datastax.oss.driver.api.core.config.ProgrammaticDriverConfigLoaderBuilder;
import java.net.InetSocketAddress;
import java.time.Duration;
import java.util.function.BooleanSupplier;

/** Sessions with the driver's defaults, for the servers that the environment names. */
final class Connection {
  static final String KEYSPACE = System.getenv("CQL_KEYSPACE");
  static final String REPLICATED =
      " WITH replication = {'class': 'SimpleStrategy', 'replication_factor': 1}";

  private static final Duration PATIENCE = Duration.ofSeconds(30);

  private Connection() {}

  /** The server whose address is in the environment under {@code prefix}. */
  static CqlSessionBuilder to(String prefix) {
    return to(prefix, options());
  }

  static CqlSessionBuilder to(String prefix, ProgrammaticDriverConfigLoaderBuilder options) {
    String host = System.getenv(prefix + "_HOST");
    int port = Integer.parseInt(System.getenv(prefix + "_PORT"));
    return CqlSession.builder()
        .addContactPoint(new InetSocketAddress(host, port))
        .withLocalDatacenter("datacenter1")
        .withConfigLoader(options.build());
  }

  /** The driver's defaults, with time-outs for slow machines. */
  static ProgrammaticDriverConfigLoaderBuilder options() {
    return DriverConfigLoader.programmaticBuilder()
        .withDuration(DefaultDriverOption.CONNECTION_CONNECT_TIMEOUT, PATIENCE)
        .withDuration(DefaultDriverOption.CONNECTION_INIT_QUERY_TIMEOUT, PATIENCE)
        .withDuration(DefaultDriverOption.CONTROL_CONNECTION_TIMEOUT, PATIENCE)
        .withDuration(DefaultDriverOption.METADATA_SCHEMA_REQUEST_TIMEOUT, PATIENCE)
        .withDuration(DefaultDriverOption.REQUEST_TIMEOUT, PATIENCE);
  }

  /** Asks until it holds, 10 s at most, and says whether it does. */
  static boolean eventually(BooleanSupplier holds) throws InterruptedException {
    for (long deadline = System.nanoTime() + 10_000_000_000L; System.nanoTime() < deadline; ) {
      if (holds.getAsBoolean()) {
        return true;
      }
      Thread.sleep(20);
    }
    return false;
  }
}
