// What was seen, one JSON object a line, as README.md has it.

import cassandra from 'cassandra-driver';

import { notation } from './values.js';

const CONSISTENCIES = Object.fromEntries(
  Object.entries(cassandra.types.consistencies).map(([name, level]) => [
    level,
    name.replace(/[A-Z]/g, (letter) => `_${letter}`).toUpperCase(),
  ]),
);

export class Transcript {
  #output;

  constructor(output) {
    this.#output = output;
  }

  say(line) {
    this.#output.write(`${JSON.stringify(line)}\n`);
  }

  // A feature's own steps: `note` writes down an answer, `step` what `act` gives, or its error.
  feature(feature) {
    const note = (step, answer) => this.say({ feature, step, answer });
    return {
      note,
      step: async (step, act) => {
        let answer;
        try {
          answer = await act();
        } catch (error) {
          this.say({ feature, step, error: failure(error) });
          return;
        }
        note(step, answer);
      },
      unsupported: (step, why, link) => this.say({ feature, step, unsupported: why, link }),
    };
  }
}

// All rows of a result, through all of its pages.
export async function rows(result) {
  const answer = {};
  if (result.columns) {
    answer.columns = result.columns.map((column) => column.name);
    answer.rows = [];
    for await (const row of result) {
      answer.rows.push(result.columns.map(({ type }, i) => notation(type, row.get(i))));
    }
  }
  if (result.info.warnings?.length) {
    answer.warnings = result.info.warnings;
  }
  return answer;
}

export function failure(error) {
  const said = { kind: error.name, code: Number.isInteger(error.code) ? error.code : null, message: error.message };
  if (error.consistencies !== undefined) {
    said.consistency = CONSISTENCIES[error.consistencies];
  }
  for (const [field, name] of Object.entries({
    required: 'required',
    alive: 'alive',
    received: 'received',
    writeType: 'write type',
    keyspace: 'keyspace',
    table: 'table',
  })) {
    if (error[field] !== undefined) {
      said[name] = error[field];
    }
  }
  if (error.innerErrors) {
    said.errors = Object.values(error.innerErrors).map(failure);
  }
  return said;
}
