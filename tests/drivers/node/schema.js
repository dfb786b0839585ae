// Keyspaces, tables and types: made, looked at, and changed.

import { connected, eventually, REPLICATED } from './connection.js';
import { rows } from './transcript.js';
import { typeName } from './values.js';

const METADATA = 'https://docs.datastax.com/en/developer/nodejs-driver/latest/features/metadata/';

export async function schema({ transcript, client, keyspace, script }) {
  const { note, unsupported } = transcript.feature('schema');
  await client.execute(`CREATE KEYSPACE ${keyspace} ${REPLICATED}`);
  await client.execute(`USE ${keyspace}`);
  for (const statement of script.schema) {
    await client.execute(statement);
  }
  note('agreed', await client.metadata.checkSchemaAgreement());
  unsupported('tables', 'metadata of tables are had by name, and not listed', METADATA);
  const items = await client.metadata.getTable(keyspace, 'items');
  note('items', items.columns.map(({ name, type }) => [name, typeName(type)]).sort());
  note(
    'key',
    [items.partitionKeys, items.clusteringKeys].map((columns) => columns.map(({ name }) => name)),
  );
  const address = await client.metadata.getUdt(keyspace, 'address');
  note(
    'type',
    address.fields.map(({ name, type }) => [name, typeName(type)]),
  );
}

export async function use({ transcript, client, keyspace }) {
  const { step } = transcript.feature('use');
  const other = `${keyspace}_b`;
  await client.execute(`CREATE KEYSPACE ${other} ${REPLICATED}`);
  await client.execute(`CREATE TABLE ${other}.t (k int PRIMARY KEY, v text)`);
  await client.execute(`INSERT INTO ${other}.t (k, v) VALUES (1, 'there')`);
  const ask = async (statement) => rows(await client.execute(statement));
  const count = 'SELECT count(*) FROM many';
  await client.execute(`USE ${other}`);
  await step('other', () => ask('SELECT k, v FROM t'));
  await client.execute(`USE ${keyspace}`);
  await step('back', () => ask(count));
  await step('missing', () => ask(`USE ${keyspace}_none`));
  await step('still', () => ask(count));
}

export async function metadata({ transcript, client, keyspace }) {
  const { note, step } = transcript.feature('metadata');
  const read = async () => client.execute('SELECT * FROM altered WHERE k = ?', [1], { prepare: true });
  await read();
  await client.execute("INSERT INTO altered (k, v) VALUES (1, 'a')");
  await client.execute('ALTER TABLE altered ADD extra int');
  let columns;
  await eventually(async () => {
    const table = await client.metadata.getTable(keyspace, 'altered');
    columns = table.columns.map(({ name }) => name).sort();
    return columns.includes('extra');
  });
  note('columns', columns);
  await client.execute('UPDATE altered SET extra = 7 WHERE k = 1');
  await step('prepared before', async () => rows(await read()));
  note('agreed', await client.metadata.checkSchemaAgreement());
}

export async function events({ transcript, client, keyspace }) {
  const { note, unsupported } = transcript.feature('events');
  const second = await connected();
  const knows = async () => (await second.metadata.getTable(keyspace, 'heard')) !== null;
  await client.execute('CREATE TABLE heard (k int PRIMARY KEY)');
  note('created', await eventually(knows));
  await client.execute('DROP TABLE heard');
  note('dropped', await eventually(async () => !(await knows())));
  unsupported('told', 'no listener for changes of the schema', METADATA);
  await second.shutdown();
}
