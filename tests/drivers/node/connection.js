// Clients of the driver with its defaults, for the servers that the environment names.

import cassandra from 'cassandra-driver';

const PATIENCE = 30_000; // milliseconds; machines of tests are slow

export const REPLICATED = "WITH replication = {'class': 'SimpleStrategy', 'replication_factor': 1}";

// A connected client of the server under `prefix` in the environment; `options` are the driver's.
export async function connected(options = {}, prefix = 'CQL') {
  const client = new cassandra.Client({
    contactPoints: [process.env[`${prefix}_HOST`]],
    protocolOptions: { port: Number(process.env[`${prefix}_PORT`]) },
    localDataCenter: 'datacenter1',
    socketOptions: { connectTimeout: PATIENCE, readTimeout: PATIENCE },
    ...options,
  });
  try {
    await client.connect();
  } catch (error) {
    await client.shutdown();
    throw error;
  }
  return client;
}

// Asks until `holds` does, 10 s at most, and says whether it does.
export async function eventually(holds) {
  for (const deadline = Date.now() + 10_000; Date.now() < deadline; ) {
    if (await holds()) {
      return true;
    }
    await pause(20);
  }
  return false;
}

export function pause(milliseconds) {
  return new Promise((resolve) => setTimeout(resolve, milliseconds));
}
