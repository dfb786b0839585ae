// Does the work of tests/drivers/README.md with cassandra-driver, and writes its transcript to standard output.

import { read, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { promisify } from 'node:util';

import { connected } from './connection.js';
import { schema, use, metadata, events } from './schema.js';
import { connect, discover, concurrency, compression, reconnection, authentication, tls } from './service.js';
import * as statements from './statements.js';
import { Transcript } from './transcript.js';

const STANDARD_INPUT = 0; // not process.stdin: to touch that makes its reads fail instead of wait
const transcript = new Transcript(process.stdout);
const work = {
  transcript,
  keyspace: process.env.CQL_KEYSPACE,
  script: JSON.parse(readFileSync(process.env.CQL_SCRIPT, 'utf8')),
  client: await connected(),

  // Waits until the suite has done what the script asks for. Reads no further: a read under way would keep the
  // program from its end.
  async ask(what) {
    transcript.say({ ask: what });
    await promisify(read)(STANDARD_INPUT, Buffer.alloc(64));
  },
};

const { name, version } = createRequire(import.meta.url)('cassandra-driver/package.json');
transcript.say({ client: name, version });

for (const feature of [
  connect,
  discover,
  schema,
  statements.statements,
  statements.types,
  statements.nulls,
  statements.collections,
  statements.udt,
  statements.tuple,
  statements.vector,
  statements.lwt,
  statements.counters,
  statements.batches,
  statements.paging,
  statements.namedValues,
  use,
  metadata,
  events,
  statements.tracing,
  statements.consistency,
  statements.timestamps,
  statements.ttl,
  statements.errors,
  concurrency,
  compression,
  reconnection,
  authentication,
  tls,
]) {
  await feature(work);
}
await work.client.shutdown();
// Whatever the driver still has open, such as a connection on which it was not let in.
process.exit();
