package cqlproxy.work;

import com.datastax.oss.driver.api.core.CqlSession;
import com.datastax.oss.driver.api.core.cql.SimpleStatement;
import com.datastax.oss.driver.api.core.cql.Statement;
import com.fasterxml.jackson.databind.JsonNode;
import java.util.concurrent.Callable;

/** The script of work under way. */
record Work(CqlSession session, Transcript transcript, String keyspace, JsonNode script) {

  /** The steps of one feature. */
  Feature feature(String name) {
    return new Feature(name);
  }

  /** Executes what only prepares the ground. */
  void run(String statement) {
    session.execute(statement);
  }

  void run(String statement, Object... values) {
    session.execute(session.prepare(statement).bind(values));
  }

  final class Feature {
    private final String name;

    private Feature(String name) {
      this.name = name;
    }

    /** Writes down what the step gives, or its error. */
    void step(String step, Callable<?> act) {
      transcript.step(name, step, act);
    }

    void note(String step, Object answer) {
      transcript.step(name, step, () -> answer);
    }

    void plain(String step, String statement) {
      ask(step, SimpleStatement.newInstance(statement));
    }

    void ask(String step, Statement<?> statement) {
      step(step, () -> Transcript.rows(session.execute(statement)));
    }

    void prepared(String step, String statement, Object... values) {
      step(step, () -> Transcript.rows(session.execute(session.prepare(statement).bind(values))));
    }
  }
}
