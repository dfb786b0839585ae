// The admin API of the proxy that this page came from, asked with the token, which this tab keeps for itself.

const KEY = "cqlproxy-admin-token";
let inMemory = null;

export const token = {
  get() {
    try {
      return sessionStorage.getItem(KEY) ?? inMemory;
    } catch {
      return inMemory;
    }
  },
  set(value) {
    inMemory = value;
    try {
      if (value === null) sessionStorage.removeItem(KEY);
      else sessionStorage.setItem(KEY, value);
    } catch {
      // The browser keeps nothing: it is asked for again in the next tab.
    }
  },
};

// Never in the URL, where logs and histories would have it.
export function headers() {
  const value = token.get();
  return value === null ? {} : {Authorization: "Bearer " + value};
}

// What a call says: {status, body}. Without an answer the status is 0, and body.error says so.
export async function call(method, path, body) {
  const options = {method, headers: headers(), cache: "no-store"};
  if (body !== undefined) {
    options.headers["Content-Type"] = "application/json";
    options.body = JSON.stringify(body);
  }
  let status = 0;
  try {
    const answer = await fetch(path, options);
    status = answer.status;
    return {status, body: await answer.json()};
  } catch {
    const error = status ? `the proxy has answered with ${status}, and nothing that can be read`
      : "the proxy does not answer: whether it has done this is not known";
    return {status, body: {error}};
  }
}
