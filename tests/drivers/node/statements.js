// Reads and writes of all kinds, with values of all types, and what servers refuse.

import cassandra from 'cassandra-driver';

import { eventually, REPLICATED } from './connection.js';
import { failure, rows } from './transcript.js';
import { notation } from './values.js';

const { consistencies, unset } = cassandra.types;
const PREPARED = { prepare: true };
const INSERT = 'INSERT INTO items (k, c, v, w) VALUES (?, ?, ?, ?)';
const SHORT_INSERT = 'INSERT INTO items (k, c, v) VALUES (?, ?, ?)';
// Without them, numbers beside a text are sent as double.
const HINTS = ['int', 'int', 'text', 'bigint'];

// `ask(step, ...)` writes down what the driver's execute(...) gives.
function asking({ transcript, client }, feature) {
  const steps = transcript.feature(feature);
  const ask = (step, ...request) => steps.step(step, async () => rows(await client.execute(...request)));
  return { ask, ...steps };
}

export async function statements(work) {
  const { ask, unsupported } = asking(work, 'statements');
  await ask('insert', "INSERT INTO items (k, c, v, w) VALUES (1, 1, 'plain', 10)");
  await ask('insert with values', INSERT, [1, 2, 'valued', 20], { hints: HINTS });
  await ask('insert prepared', INSERT, [1, 3, 'prepared', 30], PREPARED);
  await work.client.execute(INSERT, [1, 4, 'gone', 40], PREPARED);
  unsupported(
    'variables',
    'the driver keeps what it prepares to itself',
    'https://docs.datastax.com/en/developer/nodejs-driver/latest/features/parameterized-queries/',
  );
  await ask('select', 'SELECT * FROM items WHERE k = 1');
  await ask('select prepared', 'SELECT v, w FROM items WHERE k = ? AND c = ?', [1, 3], PREPARED);
  await ask('update', "UPDATE items SET v = 'updated' WHERE k = 1 AND c = 2");
  await ask('delete', 'DELETE FROM items WHERE k = ? AND c = ?', [1, 4], PREPARED);
  await ask('after', 'SELECT * FROM items WHERE k = 1');
  await ask('functions', 'SELECT count(*), max(w) AS most FROM items WHERE k = 1');
  await ask('json', 'SELECT JSON * FROM items WHERE k = 1 AND c = 1');
  await work.client.execute('INSERT INTO moments (k, t, u) VALUES (1, now(), uuid())');
  await work.client.execute('INSERT INTO moments (k, t, u) VALUES (?, now(), uuid())', [2], PREPARED);
  await ask('now', 'SELECT count(*) FROM moments');
}

export const types = (work) => roundTrips(work, 'types');
export const udt = (work) => roundTrips(work, 'udt');
export const tuple = (work) => roundTrips(work, 'tuple');
export const vector = (work) => roundTrips(work, 'vector');

export async function collections(work) {
  await roundTrips(work, 'collections');
  const { ask } = asking(work, 'collections');
  await work.client.execute(
    "UPDATE collections SET v0 = v0 + [9], v1 = v1 + {'new'}, v2['more'] = 5 WHERE k = '0 1'",
  );
  await ask('changed', "SELECT v0, v1, v2 FROM collections WHERE k = '0 1'");
}

// Values of each type, written as literals, read, and written as they were read.
async function roundTrips({ transcript, client, script }, feature) {
  const { note } = transcript.feature(feature);
  const literals = Object.entries(script.round_trips[feature]);
  const columns = literals.map(([type], i) => `v${i} ${type}`);
  await client.execute(`CREATE TABLE ${feature} (k text PRIMARY KEY, ${columns.join(', ')})`);
  for (const [i, [type, values]] of literals.entries()) {
    const read = [];
    const again = [];
    const readBack = async (key) => {
      const result = await client.execute(`SELECT v${i} FROM ${feature} WHERE k = ?`, [key], PREPARED);
      const value = result.first().get(0);
      return [value, notation(result.columns[0].type, value)];
    };
    for (const [j, literal] of values.entries()) {
      const key = `${i} ${j}`;
      await client.execute(`INSERT INTO ${feature} (k, v${i}) VALUES ('${key}', ${literal})`);
      try {
        const [value, noted] = await readBack(key);
        read.push(noted);
        await client.execute(`INSERT INTO ${feature} (k, v${i}) VALUES (?, ?)`, [`${key} again`, value], PREPARED);
        again.push((await readBack(`${key} again`))[1]);
      } catch (error) {
        (read.length > j ? again : read).push(failure(error));
      }
    }
    note(type, { read, again });
  }
}

export async function nulls(work) {
  const { ask } = asking(work, 'nulls');
  const insert = (...values) => work.client.execute(INSERT, values, PREPARED);
  const read = (step, c) => ask(step, 'SELECT v, w FROM items WHERE k = ? AND c = ?', [2, c], PREPARED);
  await insert(2, 1, null, 1);
  await read('null', 1);
  await insert(2, 2, 'kept', 1);
  await insert(2, 2, unset, 2);
  await read('unset', 2);
  await insert(2, 2, null, 3);
  await read('null again', 2);
}

export async function lwt(work) {
  const { ask } = asking(work, 'lwt');
  await ask('applied', "INSERT INTO items (k, c, v) VALUES (3, 1, 'first') IF NOT EXISTS");
  await ask('not applied', "INSERT INTO items (k, c, v) VALUES (3, 1, 'second') IF NOT EXISTS");
  const update = 'UPDATE items SET v = ? WHERE k = ? AND c = ? IF v = ?';
  await ask('update applied', update, ['third', 3, 1, 'first'], PREPARED);
  await ask('update not applied', update, ['third', 3, 1, 'first'], PREPARED);
  await ask('serial read', 'SELECT v FROM items WHERE k = 3 AND c = 1', [], { consistency: consistencies.serial });
  await ask(
    'batch',
    "BEGIN BATCH INSERT INTO items (k, c, v) VALUES (3, 2, 'x') IF NOT EXISTS; " +
      "UPDATE items SET v = 'y' WHERE k = 3 AND c = 3; APPLY BATCH",
  );
}

export async function counters(work) {
  const { ask } = asking(work, 'counters');
  await work.client.execute("UPDATE hits SET n = n + 1 WHERE page = 'home'");
  await work.client.execute('UPDATE hits SET n = n + ? WHERE page = ?', [10, 'home'], PREPARED);
  await work.client.execute('UPDATE hits SET n = n + ? WHERE page = ?', [-3, 'home'], PREPARED);
  await ask('value', "SELECT n FROM hits WHERE page = 'home'");
  await work.ask('middle');
}

// The driver prepares either all statements of a batch or none: it cannot mix them.
export async function batches(work) {
  const { ask, step } = asking(work, 'batches');
  const batch = (name, queries, options) =>
    step(name, async () => rows(await work.client.batch(queries, options)));
  const several = (c) => [
    `INSERT INTO items (k, c, v) VALUES (4, ${c}, 'text')`,
    { query: SHORT_INSERT, params: [4, c + 1, 'valued'] },
    { query: SHORT_INSERT, params: [4, c + 2, 'prepared'] },
  ];
  await batch('logged', several(1), { prepare: true });
  await batch('unlogged', several(4), { logged: false, hints: [[], HINTS, HINTS] });
  await batch(
    'counter',
    [
      { query: 'UPDATE hits SET n = n + ? WHERE page = ?', params: [5, 'shop'] },
      "UPDATE hits SET n = n + 7 WHERE page = 'home'",
    ],
    { counter: true, prepare: true },
  );
  await batch('with timestamp', [{ query: SHORT_INSERT, params: [4, 7, 'timed'] }], {
    prepare: true,
    timestamp: 1_000_000,
  });
  await ask(
    'text',
    "BEGIN UNLOGGED BATCH INSERT INTO items (k, c, v) VALUES (4, 8, 'x'); " +
      'DELETE FROM items WHERE k = 4 AND c = 1; APPLY BATCH',
  );
  await ask('rows', 'SELECT c, v FROM items WHERE k = 4');
  await ask('counters', 'SELECT page, n FROM hits');
  await ask('write time', 'SELECT writetime(v) FROM items WHERE k = 4 AND c = 7');
}

export async function paging({ transcript, client }) {
  const { step } = transcript.feature('paging');
  for (let c = 0; c < 50; c++) {
    await client.execute(INSERT, [5, c, `row ${c}`, c], PREPARED);
  }
  const plain = 'SELECT c, v FROM items WHERE k = 5';
  let second;
  const pages = async (...request) => {
    const lengths = [];
    let pageState;
    do {
      const result = await client.execute(...request.slice(0, 2), { ...request[2], fetchSize: 7, pageState });
      lengths.push(String(result.rows.length));
      pageState = result.pageState;
      if (lengths.length === 2) {
        second = pageState;
      }
    } while (pageState);
    return lengths;
  };
  await step('pages', () => pages(plain, []));
  const afterSecond = second;
  await step('all', async () => {
    const all = [];
    for await (const row of await client.execute(plain, [], { fetchSize: 7 })) {
      all.push(String(row.c));
    }
    return all;
  });
  await step('resumed', async () => {
    const result = await client.execute(plain, [], { fetchSize: 7, pageState: afterSecond });
    return String(result.first().c);
  });
  await step('prepared', () => pages('SELECT c, v FROM items WHERE k = ?', [5], PREPARED));
}

export async function namedValues(work) {
  const { ask } = asking(work, 'named values');
  const insert = 'INSERT INTO items (k, c, v) VALUES (:key, :column, :value)';
  await ask('prepared', insert, { value: 'named', column: 1, key: 6 }, PREPARED);
  const hints = { value: 'text', column: 'int', key: 'int' };
  await ask('plain', insert, { value: 'named', column: 2, key: 6 }, { hints });
  await ask('rows', 'SELECT c, v FROM items WHERE k = 6');
}

export async function tracing({ transcript, client }) {
  const { step } = transcript.feature('tracing');
  await step('trace', async () => {
    const { info } = await client.execute('SELECT v FROM items WHERE k = 1 AND c = 1', [], { traceQuery: true });
    let trace;
    // A server writes a trace down after it has answered.
    await eventually(async () => {
      trace = await client.metadata.getTrace(info.traceId);
      return trace.duration !== null;
    });
    return {
      coordinator: trace.coordinator.toString(),
      request: trace.requestType,
      events: trace.events.length > 0,
    };
  });
}

export async function consistency({ transcript, client }) {
  const { note } = transcript.feature('consistency');
  for (const [name, level] of Object.entries({
    ANY: consistencies.any,
    ONE: consistencies.one,
    TWO: consistencies.two,
    THREE: consistencies.three,
    QUORUM: consistencies.quorum,
    ALL: consistencies.all,
    LOCAL_QUORUM: consistencies.localQuorum,
    EACH_QUORUM: consistencies.eachQuorum,
    LOCAL_ONE: consistencies.localOne,
  })) {
    const outcome = async (query, params, options) => {
      try {
        return await rows(await client.execute(query, params, { ...options, consistency: level }));
      } catch (error) {
        return failure(error);
      }
    };
    note(name, {
      write: await outcome("INSERT INTO items (k, c, v) VALUES (7, 1, 'x')", [], PREPARED),
      read: await outcome('SELECT v FROM items WHERE k = 7 AND c = 1', []),
    });
  }
}

export async function timestamps(work) {
  const { ask, step } = asking(work, 'timestamps');
  const insert = (c, options) => work.client.execute(SHORT_INSERT, [8, c, 'x'], { ...PREPARED, ...options });
  const written = (c) => `SELECT writetime(v) FROM items WHERE k = 8 AND c = ${c}`;
  await insert(1, { timestamp: 1234567890123456 });
  await ask('given', written(1));
  await work.client.execute("INSERT INTO items (k, c, v) VALUES (8, 2, 'x') USING TIMESTAMP 42");
  await ask('in the text', written(2));
  await insert(3);
  await step('default', async () => {
    const micros = (await work.client.execute(written(3))).first().get(0).toNumber();
    return Math.abs(Date.now() - micros / 1000) < 600_000;
  });
}

export async function ttl(work) {
  const { ask, step } = asking(work, 'ttl');
  await work.client.execute("INSERT INTO items (k, c, v) VALUES (9, 1, 'x') USING TTL ?", [1000], PREPARED);
  await step('remaining', async () => {
    const remaining = (await work.client.execute('SELECT ttl(v) FROM items WHERE k = 9 AND c = 1')).first().get(0);
    return remaining >= 900 && remaining <= 1000;
  });
  await ask('none', 'SELECT ttl(v) FROM items WHERE k = 1 AND c = 1');
}

export async function errors(work) {
  const { ask, step } = asking(work, 'errors');
  for (const [name, statement] of Object.entries(work.script.errors)) {
    await ask(name, statement);
    await ask(`${name} prepared`, statement, [], PREPARED);
  }
  await ask('keyspace exists', `CREATE KEYSPACE ${work.keyspace} ${REPLICATED}`);
  await ask('null key', 'INSERT INTO items (k, c) VALUES (?, ?)', [null, 1], PREPARED);
  const large = Array.from({ length: 100 }, (_, i) => ({ query: SHORT_INSERT, params: [100 + i, 1, 'x'.repeat(1000)] }));
  await step('batch too large', async () =>
    rows(await work.client.batch(large, { logged: false, prepare: true })),
  );
}
