// What an operator should look at now, the gravest first, each with what it means.

import {at, fill, made, say} from "./elements.js";
import {bytes, copies, count, duration, spaced} from "./words.js";

const NODES_NAMED = 3;

// {level: "error" | "warning", text}, of what /status and /stats say.
export function worries(status, stats) {
  const found = [];
  const error = text => found.push({level: "error", text});
  const warning = text => found.push({level: "warning", text});
  for (const reason of status.reasons) error(`Clients cannot be served: ${reason}.`);
  for (const cluster of status.clusters) {
    if (!cluster.ready) {
      (cluster.name === status.mode.answered_by ? error : warning)(`No node of the ${cluster.name} is connected.`);
      continue;
    }
    const down = cluster.nodes.filter(node => !node.up);
    if (down.length) warning(`Down, of ${cluster.nodes.length} nodes of the ${cluster.name}: ${addresses(down)}.`);
    const passed = cluster.nodes.filter(node => node.up && node.circuit !== "closed");
    if (passed.length) warning(`Requests time out on ${addresses(passed)} (${cluster.name}).`);
  }
  if (status.journal?.failing) error("The journal cannot be written: look at its disk.");
  if (status.journal?.unprotected) {
    warning(`${copies(status.journal.unprotected)} in memory should stand in the journal, and do not.`);
  }
  for (const mirror of status.mirrors) {
    if (mirror.paused) {
      warning(`Copies to the ${mirror.target} are paused by ${mirror.paused_by}: ${count(mirror.remaining)} wait.`);
    } else if (mirror.circuit !== "closed") {
      warning(`The ${mirror.target} fails, and is spared: ${copies(mirror.remaining)} wait.`);
    } else if (mirror.lag_seconds > 10) {
      warning(`Copies to the ${mirror.target} are late: the oldest waits for ${duration(mirror.lag_seconds)}.`);
    }
    if (mirror.journal_depth) {
      warning(`${copies(mirror.journal_depth)} to the ${mirror.target} wait in the journal`
        + ` (${bytes(status.journal?.bytes ?? 0)}).`);
    }
  }
  for (const [reason, number] of Object.entries(stats.dropped_by_reason)) {
    error(`${copies(number)} were dropped (${spaced(reason)}), and the other cluster lacks them.`);
  }
  if (stats.dead_letters) warning(`${count(stats.dead_letters)} dead letters: copies that were given up, and kept.`);
  if (stats.consistency_mismatches) warning(`${count(stats.consistency_mismatches)} reads differed between the clusters.`);
  if (status.rules.state === "refused") warning("The rules file cannot be used: earlier rules are in force.");
  if (status.last_run === "unclean") {
    warning("The run before this one was killed: without a full journal, copies in its memory are lost.");
  }
  if (stats.unhandled_errors) error(`${count(stats.unhandled_errors)} errors in the background: see the log.`);
  return found.sort((one, other) => (one.level === "error" ? 0 : 1) - (other.level === "error" ? 0 : 1));
}

function addresses(nodes) {
  const named = nodes.slice(0, NODES_NAMED).map(node => node.address);
  return new Intl.ListFormat("en").format(nodes.length > NODES_NAMED ? [...named, `${nodes.length - NODES_NAMED} more`] : named);
}

export function showWorries(found) {
  // Read out when there are more or fewer of them, and not each time that a number in them changes.
  say(at("attention-count"), found.length ? `${found.length} to look at` : "Nothing needs attention.");
  fill(at("attention-list"), found, () => found.length
    ? found.map(({level, text}) => made("li", {class: level},
      made("span", {class: "mark"}, level === "error" ? "Error" : "Warning"), made("span", {}, text)))
    : [made("li", {class: "well"}, made("span", {class: "mark"}, "Well"), made("span", {}, "Nothing needs attention."))]);
}
