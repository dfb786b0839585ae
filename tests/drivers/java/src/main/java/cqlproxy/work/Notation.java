package cqlproxy.work;

import com.datastax.oss.driver.api.core.data.CqlDuration;
import com.datastax.oss.driver.api.core.data.CqlVector;
import com.datastax.oss.driver.api.core.data.GettableByIndex;
import com.datastax.oss.driver.api.core.data.TupleValue;
import com.datastax.oss.driver.api.core.data.UdtValue;
import java.math.BigDecimal;
import java.net.InetAddress;
import java.nio.ByteBuffer;
import java.time.Instant;
import java.time.LocalDate;
import java.time.LocalTime;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.Set;

/** Values as the transcripts of all languages have them. */
final class Notation {
  // Code points, not UTF-16 units; the texts of the script do not tell them apart.
  private static final Comparator<Object> BY_TEXT = Comparator.comparing(Transcript::text);

  private Notation() {}

  /** The value at {@code i}; null, not what stands for it, where there is none. */
  static Object of(GettableByIndex values, int i) {
    return values.isNull(i) ? null : of(values.getObject(i));
  }

  static Object of(Object value) {
    if (value == null) {
      return null;
    } else if (value instanceof Float number) {
      return number.isNaN() ? "NaN" : "0x%08x".formatted(Float.floatToRawIntBits(number));
    } else if (value instanceof Double number) {
      return number.isNaN() ? "NaN" : "0x%016x".formatted(Double.doubleToRawLongBits(number));
    } else if (value instanceof BigDecimal number) {
      return number.unscaledValue() + "e-" + number.scale();
    } else if (value instanceof ByteBuffer buffer) {
      byte[] bytes = new byte[buffer.remaining()];
      buffer.duplicate().get(bytes);
      return hex(bytes);
    } else if (value instanceof InetAddress address) {
      return hex(address.getAddress());
    } else if (value instanceof Instant time) {
      return Long.toString(time.toEpochMilli());
    } else if (value instanceof LocalDate date) {
      return Long.toString(date.toEpochDay());
    } else if (value instanceof LocalTime time) {
      return Long.toString(time.toNanoOfDay());
    } else if (value instanceof CqlDuration duration) {
      return duration.getMonths() + "," + duration.getDays() + "," + duration.getNanoseconds();
    } else if (value instanceof UdtValue udt) {
      List<Object> fields = new ArrayList<>();
      for (int i = 0; i < udt.size(); i++) {
        fields.add(Arrays.asList(udt.getType().getFieldNames().get(i).asInternal(), of(udt, i)));
      }
      return fields;
    } else if (value instanceof TupleValue tuple) {
      List<Object> elements = new ArrayList<>();
      for (int i = 0; i < tuple.size(); i++) {
        elements.add(of(tuple, i));
      }
      return elements;
    } else if (value instanceof CqlVector<?> vector) {
      return vector.stream().map(Notation::of).toList();
    } else if (value instanceof Set<?> set) {
      return set.stream().map(Notation::of).sorted(BY_TEXT).toList();
    } else if (value instanceof List<?> list) {
      return list.stream().map(Notation::of).toList();
    } else if (value instanceof Map<?, ?> map) {
      return map.entrySet().stream()
          .map(entry -> Arrays.asList(of(entry.getKey()), of(entry.getValue())))
          .sorted(Comparator.comparing(pair -> pair.get(0), BY_TEXT))
          .toList();
    }
    return value.toString(); // texts, integers, booleans and UUIDs
  }

  private static String hex(byte[] bytes) {
    return "0x" + HexFormat.of().formatHex(bytes);
  }
}
