// Figures as text: tiles, clusters with their nodes, copies, rules, compared reads, events.

import {at, fill, made, say, table} from "./elements.js";
import {phaseOf} from "./phases.js";
import {bytes, count, duration, perSecond, short, spaced, time} from "./words.js";

const NODES_SHOWN = 12;

// The figures that are looked at from across the room; `latest` is a sample by field.
export function showTiles(latest, status, stats) {
  const other = phaseOf(status.mode.mode).copied;
  const of = field => latest === null ? null : latest[field];
  const answering = status.mode.answered_by;
  const waiting = stats.queue_depth + stats.journal_depth;
  const tiles = [
    ["Reads", perSecond(of(answering + "_reads")), "per s"],
    ["Writes", perSecond(of(answering + "_writes")), "per s"],
    ["Copies", perSecond(other ? of(other + "_writes") : 0), other ? `per s to the ${other}` : "per s"],
    ["Copies waiting", short(waiting), stats.journal_depth ? `${short(stats.journal_depth)} in the journal` : "in memory"],
    ["Lag", duration(stats.mirror_lag_seconds), "the oldest copy"],
    ["Held back", perSecond(of("held_back")), `per s, ${short(stats.filtered_writes)} in all`],
    ["Dead letters", short(stats.dead_letters), "kept", stats.dead_letters > 0],
    ["Dropped", short(stats.dropped_writes), "copies lost", stats.dropped_writes > 0],
    ["Differences", short(stats.consistency_mismatches), `of ${short(stats.validated_reads)} compared`,
      stats.consistency_mismatches > 0],
    ["Clients", short(stats.client_connections), `${short(stats.requests_under_way)} under way`],
  ];
  const list = at("tiles");
  if (!list.childElementCount) {
    list.append(...tiles.map(([name]) => made("div", {},
      made("dt", {}, name), made("dd", {class: "figure"}), made("dd", {class: "unit"}))));
  }
  tiles.forEach(([, figure, unit, bad], number) => {
    const tile = list.children[number];
    say(tile.children[1], figure);
    say(tile.children[2], unit);
    tile.className = bad ? "bad" : "";
  });
}

export function showClusters(status) {
  fill(at("clusters"), [status.clusters, status.mode.answered_by], () => status.clusters.flatMap(cluster => {
    const role = cluster.name === status.mode.answered_by ? "answers clients" : "";
    const nodes = [...cluster.nodes].sort((one, other) => wellness(one) - wellness(other));
    const hidden = nodes.slice(NODES_SHOWN);
    const up = nodes.filter(node => node.up).length;
    return [
      made("h3", {}, cluster.name, made("span", {class: "soft"}, ` ${up} of ${nodes.length} up`),
        role ? made("span", {class: "role"}, role) : null),
      nodes.length ? made("ul", {class: "nodes"}, ...nodes.slice(0, NODES_SHOWN).map(nodeShown))
        : made("p", {class: "soft"}, "no node has been reached yet"),
      hidden.length ? made("p", {class: "soft"}, `and ${hidden.length} more, ${hidden.every(node => wellness(node) === 2) ? "all well" : "not all well"}`)
        : null,
    ];
  }));
}

const wellness = node => !node.up ? 0 : node.circuit === "closed" ? 2 : 1;

function nodeShown(node) {
  const state = !node.up ? "down" : node.circuit === "closed" ? "up" : "circuit " + spaced(node.circuit);
  const kind = !node.up ? "error" : node.circuit === "closed" ? "well" : "warning";
  return made("li", {class: kind}, made("span", {class: "dot", "aria-hidden": "true"}),
    made("code", {}, node.address), made("span", {class: "state"}, state));
}

export function showCopies(status, stats) {
  const to = phaseOf(status.mode.mode).copied;
  const mirrors = status.mirrors.filter(mirror => mirror.target === to || mirror.remaining || mirror.paused);
  const facts = [to, mirrors, status.journal, stats.retried_writes, stats.failed_copies_by_reason, stats.dropped_by_reason];
  fill(at("copies"), facts, () => {
    const found = mirrors.map(mirror => [
      made("h3", {}, "to the " + mirror.target, mirror.paused ? made("span", {class: "role warning"}, "paused") : null),
      table([
        ["in memory", `${count(mirror.queue_depth)} (${bytes(mirror.queue_bytes)})`],
        ["under way", `${count(mirror.in_flight)} of ${count(mirror.window)} at most`],
        ["in the journal", count(mirror.journal_depth)],
        ["delivered per s", perSecond(mirror.copies_per_second)],
        ["time left", !mirror.remaining ? "none waits" : mirror.lag_seconds < 1 ? "keeps up"
          : mirror.seconds_left === null ? "not becoming fewer" : duration(mirror.seconds_left)],
        ["circuit", spaced(mirror.circuit), mirror.circuit === "closed" ? null : "warning"],
      ]),
    ]).flat();
    if (!mirrors.length) found.push(made("p", {class: "soft"}, "Nothing is copied in this mode."));
    const journal = status.journal;
    const rows = [["journal", journal === null ? "none" : journal.failing ? "cannot be written" : bytes(journal.bytes),
      journal?.failing ? "error" : null], ["tried again", count(stats.retried_writes)]];
    for (const [reason, number] of Object.entries(stats.failed_copies_by_reason)) {
      rows.push([`given up: ${spaced(reason)}`, count(number), "warning"]);
    }
    for (const [reason, number] of Object.entries(stats.dropped_by_reason)) {
      rows.push([`dropped: ${spaced(reason)}`, count(number), "error"]);
    }
    return [...found, made("h3", {}, "in all"), table(rows)];
  });
}

export function showRules(status, stats) {
  const rules = status.rules;
  at("reload").disabled = rules.state === "none";
  fill(at("rules"), [rules, stats.filtered_by_reason, stats.would_filter_by_reason], () => {
    if (rules.state === "none") return [made("p", {class: "soft"}, "No rules file is configured: everything is copied.")];
    const rows = [
      ["file", rules.state === "refused" ? "cannot be used: earlier rules are in force" : "in force",
        rules.state === "refused" ? "warning" : null],
      ["hash", made("code", {}, (rules.content_hash ?? "").slice(0, 12))],
    ];
    if (!rules.enforce) rows.push(["enforced", "no: they only count", "warning"]);
    const reasons = (counts, what) => Object.entries(counts).sort((one, other) => other[1] - one[1])
      .forEach(([reason, number]) => rows.push([`${what}: ${spaced(reason)}`, count(number)]));
    reasons(stats.filtered_by_reason, "held back");
    reasons(stats.would_filter_by_reason, "would be held back");
    return [table(rows)];
  });
}

export function showValidation(stats) {
  const facts = [stats.validated_reads, stats.consistency_mismatches, stats.validation_rechecks,
    stats.validation_skipped_by_reason];
  fill(at("validation"), facts, () => {
    const rows = [
      ["compared", count(stats.validated_reads)],
      ["differ", count(stats.consistency_mismatches), stats.consistency_mismatches ? "warning" : null],
      ["read once more", count(stats.validation_rechecks)],
    ];
    for (const [reason, number] of Object.entries(stats.validation_skipped_by_reason)) {
      rows.push([`skipped: ${spaced(reason)}`, count(number)]);
    }
    return [table(rows)];
  });
}

export function showEvents(events) {
  fill(at("events"), events, () => events.length ? events.map(event => {
    const particulars = Object.entries(event.particulars).map(([name, value]) => `${spaced(name)} ${value}`).join(", ");
    return made("li", {class: event.level},
      made("time", {datetime: new Date(event.last * 1000).toISOString()}, time(event.last)),
      made("span", {class: "kind"}, event.level === "info" ? event.kind : `${event.level}, ${event.kind}`),
      made("span", {class: "text"}, event.text,
        particulars ? made("span", {class: "soft"}, " " + particulars) : null,
        event.times > 1 ? made("span", {class: "times"}, ` ${count(event.times)} times since ${time(event.first)}`) : null));
  }) : [made("li", {class: "soft"}, "Nothing has happened since this proxy started.")]);
}
