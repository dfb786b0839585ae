package cqlproxy.work;

import com.datastax.oss.driver.api.core.AllNodesFailedException;
import com.datastax.oss.driver.api.core.cql.ColumnDefinition;
import com.datastax.oss.driver.api.core.cql.ResultSet;
import com.datastax.oss.driver.api.core.cql.Row;
import com.datastax.oss.driver.api.core.servererrors.UnavailableException;
import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.SerializationFeature;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.Callable;

/** What was seen, one JSON object a line. */
final class Transcript {
  private static final ObjectMapper JSON =
      new ObjectMapper().enable(SerializationFeature.ORDER_MAP_ENTRIES_BY_KEYS);

  private final PrintStream output;

  Transcript(PrintStream output) {
    this.output = new PrintStream(output, true, StandardCharsets.UTF_8);
  }

  void say(Map<String, ?> line) {
    output.println(text(line));
  }

  /** JSON text, compact. */
  static String text(Object value) {
    try {
      return JSON.writeValueAsString(value);
    } catch (JsonProcessingException error) {
      throw new IllegalArgumentException(error);
    }
  }

  void step(String feature, String step, Callable<?> act) {
    Map<String, Object> line = new LinkedHashMap<>();
    line.put("feature", feature);
    line.put("step", step);
    try {
      line.put("answer", act.call());
    } catch (Exception error) {
      line.put("error", failure(error));
    }
    say(line);
  }

  /** All rows of a result, through all of its pages. */
  static Map<String, Object> rows(ResultSet result) {
    Map<String, Object> answer = new LinkedHashMap<>();
    if (result.getColumnDefinitions().size() > 0) {
      List<String> columns = new ArrayList<>();
      for (ColumnDefinition column : result.getColumnDefinitions()) {
        columns.add(column.getName().asInternal());
      }
      List<Object> rows = new ArrayList<>();
      for (Row row : result) {
        List<Object> noted = new ArrayList<>();
        for (int i = 0; i < columns.size(); i++) {
          noted.add(Notation.of(row, i));
        }
        rows.add(noted);
      }
      answer.put("columns", columns);
      answer.put("rows", rows);
    }
    if (!result.getExecutionInfo().getWarnings().isEmpty()) {
      answer.put("warnings", result.getExecutionInfo().getWarnings());
    }
    return answer;
  }

  /** An error; this driver tells classes, and no codes. */
  static Map<String, Object> failure(Throwable error) {
    Map<String, Object> said = new LinkedHashMap<>();
    said.put("kind", error.getClass().getSimpleName());
    said.put("code", null);
    said.put("message", error.getMessage());
    if (error instanceof UnavailableException unavailable) {
      said.put("consistency", unavailable.getConsistencyLevel().name());
      said.put("required", unavailable.getRequired());
      said.put("alive", unavailable.getAlive());
    } else if (error instanceof AllNodesFailedException failed) {
      // Its own text has the ids of nodes.
      said.put("message", "All nodes have failed");
      said.put(
          "errors",
          failed.getAllErrors().values().stream()
              .flatMap(List::stream)
              .map(Transcript::failure)
              .toList());
    }
    return said;
  }
}
