// The page: what the stream says goes to the parts that show it; who may see it, and whether it is still so.

import {token} from "./api.js";
import {showWorries, worries} from "./attention.js";
import {RereadDialog, SwitchDialog} from "./dialogs.js";
import {at, say, show} from "./elements.js";
import {showClusters, showCopies, showEvents, showRules, showTiles, showValidation} from "./panels.js";
import {layTrack, showTrack} from "./phases.js";
import {Plots} from "./plots.js";
import {Stream} from "./stream.js";
import {clockOf, since} from "./words.js";

const DONE_SHOWN_MS = 20_000;

let fields = [];
let status = null;
let away = null;
const plots = new Plots(at("plots"));

function said(event, data) {
  if (event === "history") {
    fields = data.fields;
    plots.begin(fields, data.samples);
  } else if (event === "events") {
    showEvents(data);
  } else if (event === "now") {
    status = data.status;
    if (data.sample !== null) plots.add(data.sample);
    const latest = data.sample && Object.fromEntries(fields.map((field, number) => [field, data.sample[number]]));
    showAll(latest, data.stats);
  }
}

function showAll(latest, stats) {
  show(at("main"), true);
  say(at("version"), status.version);
  say(at("uptime"), "up " + since(status.uptime_seconds));
  showTrack(status.mode);
  showTiles(latest, status, stats);
  const found = worries(status, stats);
  showWorries(found);
  showClusters(status);
  showCopies(status, stats);
  showRules(status, stats);
  showValidation(stats);
  plots.show(status.mode);
  document.title = `${found.length ? `(${found.length}) ` : ""}${status.mode.mode} – cqlproxy ${location.host}`;
}

function state(now) {
  away = now.kind === "away" ? now : null;
  show(at("token"), now.kind === "token");
  show(at("forget"), now.kind === "live" && token.get() !== null);
  document.body.classList.toggle("stale", now.kind !== "live");
  if (now.kind === "token") {
    say(at("token-wrong"), now.wrong ? "That is not the admin token of this proxy." : "");
    show(at("main"), false);
    token.set(null);
    at("token-input").value = "";
    at("token-input").focus();
  }
  showConnection(now.kind);
}

function showConnection(kind) {
  say(at("connection"), {live: "Live", token: "Not watching", away: "Not connected"}[kind]);
  at("connection").className = kind;
  show(at("away"), away !== null);
  if (away !== null) document.title = `Not connected – cqlproxy ${location.host}`;
  showAway();
}

// Not connected since when, as time goes on; said once to those who listen, and then only shown.
function showAway() {
  if (away === null) return;
  const banner = at("away");
  if (banner.dataset.why !== away.why || !banner.firstChild) {
    banner.dataset.why = away.why;
    banner.replaceChildren(document.createElement("strong"), document.createElement("span"));
    banner.children[1].setAttribute("aria-live", "off");
  }
  const last = away.since;
  say(banner.children[0], last === null ? "Not connected. " : `Not connected since ${clockOf(last / 1000)}. `);
  const elapsed = last === null ? "" : `For ${since((Date.now() - last) / 1000)}; what is below is of then. `;
  say(banner.children[1], `${elapsed}Why: ${away.why}. It is tried again all the time.`);
}

const stream = new Stream("live", said, state);
let told = 0;
const done = text => {
  say(at("done"), text);
  clearTimeout(told);
  told = setTimeout(() => say(at("done"), ""), DONE_SHOWN_MS);
};
const unauthorized = () => {
  token.set(null);
  state({kind: "token", wrong: true});
};
const switching = new SwitchDialog(() => status, done, unauthorized);
const rereading = new RereadDialog(() => status, done, unauthorized);
layTrack(phase => switching.open(phase));
at("reload").addEventListener("click", () => rereading.open());
at("token-form").addEventListener("submit", submitted => {
  submitted.preventDefault();
  token.set(at("token-input").value.trim());
  stream.again();
});
at("forget").addEventListener("click", () => {
  token.set(null);
  location.reload();
});
say(at("address"), location.host);
setInterval(showAway, 1000);
stream.run();
