// The stream of /live, read by fetch, since EventSource can send no token; it comes back by itself.

import {headers, token} from "./api.js";

const SILENT_MS = 5000;  // the proxy says something every second
const LONGEST_PAUSE_MS = 5000;

export class Stream {
  // said(event, data): a message has come. state({kind, ...}): "live", "token" (wanted, or wrong),
  // "away" (why, since: the time of the last sign of life in ms, null: never).
  constructor(path, said, state) {
    this.path = path;
    this.said = said;
    this.state = state;
    this.heard = null;
    this.wake = () => {};
    addEventListener("online", () => this.again());
  }

  // Try at once, where it waits.
  again() {
    this.wake();
  }

  async run() {
    let pause = 500;
    for (;;) {
      const before = this.heard;
      const why = await this.follow();
      if (why === null) {
        this.state({kind: "token", wrong: token.get() !== null});
        await new Promise(resolve => { this.wake = resolve; });
        pause = 500;
        continue;
      }
      if (this.heard !== before) pause = 500;
      this.state({kind: "away", why, since: this.heard});
      await new Promise(resolve => {
        this.wake = resolve;
        setTimeout(resolve, pause);
      });
      pause = Math.min(pause * 2, LONGEST_PAUSE_MS);
    }
  }

  // Read it to its end; returns why it has ended, null: a token is wanted.
  async follow() {
    const ended = new AbortController();
    let silent = setTimeout(() => ended.abort(), SILENT_MS);
    try {
      const answer = await fetch(this.path, {headers: headers(), cache: "no-store", signal: ended.signal});
      if (answer.status === 401) return null;
      if (!answer.ok) {
        const said = await answer.json().catch(() => ({}));
        return said.error ?? `it has answered with ${answer.status}`;
      }
      const reader = answer.body.pipeThrough(new TextDecoderStream()).getReader();
      let text = "";
      for (;;) {
        const {value, done} = await reader.read();
        if (done) return "it has ended the stream";
        clearTimeout(silent);
        silent = setTimeout(() => ended.abort(), SILENT_MS);
        text += value;
        const messages = text.split("\n\n");
        text = messages.pop();
        messages.forEach(message => this.parse(message));
      }
    } catch {
      return ended.signal.aborted ? "it is silent" : "it does not answer";
    } finally {
      clearTimeout(silent);
      ended.abort();
    }
  }

  parse(message) {
    const [event, data] = message.split("\n").map(line => line.slice(line.indexOf(": ") + 2));
    if (event === "history") this.state({kind: "live"});
    this.heard = Date.now();
    this.said(event, JSON.parse(data));
  }
}
