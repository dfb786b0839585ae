// Connections: what a client finds, many requests at once, restarts, passwords, TLS.

import { readFileSync } from 'node:fs';

import { connected, pause, REPLICATED } from './connection.js';
import { failure, rows } from './transcript.js';

const PREPARED = { prepare: true };

export async function connect({ transcript, client }) {
  const { note, step } = transcript.feature('connect');
  note('protocol', String(client.controlConnection.protocolVersion));
  await step('local', async () =>
    rows(
      await client.execute(
        'SELECT key, bootstrapped, cluster_name, cql_version, data_center, native_protocol_version, partitioner, ' +
          'rack, release_version FROM system.local',
      ),
    ),
  );
}

export async function discover({ transcript, client }) {
  const { note, step } = transcript.feature('discover');
  note(
    'nodes',
    client.hosts.values().map((host) => ({
      address: host.address,
      datacenter: host.datacenter,
      rack: host.rack,
      version: host.cassandraVersion,
      tokens: String(host.tokens.length),
    })),
  );
  await step('peers', async () => rows(await client.execute('SELECT count(*) FROM system.peers')));
  await step('peers_v2', async () => rows(await client.execute('SELECT count(*) FROM system.peers_v2')));
}

export async function concurrency({ transcript, client }) {
  const { note } = transcript.feature('concurrency');
  const requests = 1000;
  const outcome = async (query, params) => {
    const all = Array.from({ length: requests }, (_, i) => client.execute(query, params(i), PREPARED));
    const settled = await Promise.allSettled(all);
    const errors = settled.filter(({ reason }) => reason).map(({ reason }) => failure(reason));
    return [settled, { done: String(requests - errors.length), errors }];
  };
  const [, writes] = await outcome('INSERT INTO many (k, v) VALUES (?, ?)', (i) => [i, 7 * i]);
  note('writes', writes);
  const [results, reads] = await outcome('SELECT v FROM many WHERE k = ?', (i) => [i]);
  const sum = results.reduce((sum, { value }) => sum + (value ? value.first().v.toNumber() : 0), 0);
  note('reads', { ...reads, sum: String(sum) });
}

export async function compression({ transcript }) {
  transcript.feature('compression').unsupported(
    undefined,
    'the driver does not compress',
    'https://github.com/apache/cassandra-nodejs-driver',
  );
}

export async function reconnection({ transcript, client, ask }) {
  const select = 'SELECT v FROM items WHERE k = ? AND c = ?';
  const insert = 'INSERT INTO items (k, c, v) VALUES (?, ?, ?)';
  await client.execute(select, [1, 1], PREPARED);
  await client.execute(insert, [12, 0, 'before'], PREPARED);
  await ask('restart');
  let result;
  for (const deadline = Date.now() + 60_000; !result; ) {
    try {
      result = await client.execute('SELECT v FROM items WHERE k = 1 AND c = 1');
    } catch (error) {
      if (Date.now() > deadline) {
        throw error;
      }
      await pause(100);
    }
  }
  transcript.feature('reconnection').note('answer', await rows(result));
  const { step } = transcript.feature('repreparation');
  await step('read', async () => rows(await client.execute(select, [1, 1], PREPARED)));
  await step('write', async () => rows(await client.execute(insert, [12, 1, 'after'], PREPARED)));
  await step('rows', async () => rows(await client.execute('SELECT v FROM items WHERE k = 12')));
}

const OWNER = { username: process.env.CQL_USERNAME, password: process.env.CQL_PASSWORD };
const OTHER = { username: process.env.CQL_OTHER_USERNAME, password: process.env.CQL_OTHER_PASSWORD };
const GUARDED = `${process.env.CQL_KEYSPACE}_auth`;
const READ = `SELECT k, v FROM ${GUARDED}.t`;

// What READ gives to a client of its own.
async function readBy(options, prefix) {
  const client = await connected(options, prefix);
  try {
    return await rows(await client.execute(READ));
  } finally {
    await client.shutdown();
  }
}

export async function authentication({ transcript }) {
  const { step } = transcript.feature('authentication');
  const client = await connected({ credentials: OWNER }, 'CQL_AUTH');
  await client.execute(`CREATE KEYSPACE ${GUARDED} ${REPLICATED}`);
  await client.execute(`CREATE TABLE ${GUARDED}.t (k int PRIMARY KEY, v text)`);
  await client.execute(`INSERT INTO ${GUARDED}.t (k, v) VALUES (?, ?)`, [1, 'mine'], PREPARED);
  await step('accepted', async () => rows(await client.execute(READ)));
  await client.shutdown();
  await step('forbidden', () => readBy({ credentials: OTHER }, 'CQL_AUTH'));
  await step('wrong password', () => readBy({ credentials: { ...OWNER, password: 'wrong' } }, 'CQL_AUTH'));
  await step('no password', () => readBy({}, 'CQL_AUTH'));
}

export async function tls({ transcript }) {
  const { note, step } = transcript.feature('tls');
  const trusted = { ca: [readFileSync(process.env.CQL_CA_FILE)], rejectUnauthorized: true };
  const client = await connected({ credentials: OWNER, sslOptions: trusted }, 'CQL_TLS');
  await client.execute(`INSERT INTO ${GUARDED}.t (k, v) VALUES (?, ?)`, [2, 'secret'], PREPARED);
  await step('accepted', async () => rows(await client.execute(READ)));
  await client.shutdown();
  let untrusted = 'accepted';
  try {
    await readBy({ credentials: OWNER, sslOptions: {} }, 'CQL_TLS');
  } catch {
    untrusted = 'refused';
  }
  note('untrusted', untrusted);
}
