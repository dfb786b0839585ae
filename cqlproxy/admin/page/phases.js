// The five modes of a migration, as a track, and what a switch from one to another does.

import {at, fill, made, say} from "./elements.js";
import {copies, duration, time} from "./words.js";

export const PHASES = [
  {mode: "primary_only", name: "Primary only", answers: "primary", copied: null, how: "no copies"},
  {mode: "dual_write_async", name: "Dual write, async", answers: "primary", copied: "shadow",
    how: "copies to the shadow, afterwards"},
  {mode: "dual_write_sync", name: "Dual write, sync", answers: "primary", copied: "shadow", awaited: true,
    how: "copies to the shadow, awaited"},
  {mode: "shadow_primary", name: "Shadow primary", answers: "shadow", copied: "primary",
    how: "copies to the primary, afterwards"},
  {mode: "target_only", name: "Target only", answers: "shadow", copied: null, how: "no copies"},
];

export const phaseOf = mode => PHASES.find(phase => phase.mode === mode);

// A button for each; chosen(phase) when one is pressed that is not in force.
export function layTrack(chosen) {
  PHASES.forEach((phase, number) => {
    const button = made("button", {type: "button", id: "to-" + phase.mode},
      made("span", {class: "step", "aria-hidden": "true"}, String(number + 1)),
      made("span", {class: "name"}, phase.name),
      made("code", {}, phase.mode),
      made("span", {class: "how"}, "the " + phase.answers + " answers; " + phase.how),
      made("span", {class: "here"}));
    button.addEventListener("click", () => {
      if (button.getAttribute("aria-current") === null) chosen(phase);
    });
    at("track").append(made("li", {}, button));
  });
}

export function showTrack(mode) {
  const now = PHASES.findIndex(phase => phase.mode === mode.mode);
  PHASES.forEach((phase, number) => {
    const button = at("to-" + phase.mode);
    button.parentElement.className = number < now ? "behind" : number > now ? "ahead" : "now";
    if (number === now) button.setAttribute("aria-current", "step");
    else button.removeAttribute("aria-current");
    say(button.querySelector(".here"), number === now ? "in force" : "");
  });
  const ago = Date.now() / 1000 - mode.since;
  say(at("mode-since"), `set by ${mode.by}, ${time(mode.since)}` + (ago > 60 ? ` (${duration(ago)} ago)` : ""));
}

// What will happen, a sentence each: {text, grave}. `status` is what /status says.
export function effects(to, status) {
  const from = phaseOf(status.mode.mode);
  const cluster = status.clusters.find(one => one.name === to.answers);
  const found = [];
  const tell = (text, grave = false) => found.push({text, grave});
  if (to.answers !== from.answers) {
    const waiting = status.mirrors.find(one => one.target === to.answers);
    tell(`The ${to.answers} answers all reads and writes from now on, in place of the ${from.answers}.`, true);
    if (from.copied !== to.answers) {
      tell(`The ${to.answers} gets no copies in ${from.mode}: clients will miss there what was written meanwhile.`, true);
    }
    tell(`Clients stand still for a moment, 2 s at most, until the ${to.answers} has the copies of all that was`
      + " answered.");
    if (waiting?.remaining) {
      tell(`${copies(waiting.remaining)} wait for it now, the oldest for ${duration(waiting.lag_seconds)}.`,
        waiting.lag_seconds > 1);
    }
  } else {
    tell(`The ${to.answers} goes on answering reads and writes. Clients notice nothing of the switch itself.`);
  }
  if (to.awaited) {
    tell("A write is answered when both clusters have it: writes take as long as the slower of the two, and errors"
      + " of the shadow reach clients.", true);
  } else if (to.copied) {
    tell(`Each write is copied to the ${to.copied} after its client has the answer.`);
  }
  if (from.copied && from.copied !== to.copied && from.copied !== to.answers) {
    tell(`Nothing is copied to the ${from.copied} any more: it lacks what is written from now on. Copies that wait`
      + " are still delivered.", true);
  } else if (!to.copied && to.answers !== from.answers) {
    tell(`Nothing is copied to the ${from.answers}: a way back would lose what is written from now on.`, true);
  }
  if (!cluster) {
    tell("No shadow cluster is configured: the switch will be refused.", true);
  } else if (!cluster.ready) {
    tell(`No node of the ${to.answers} is connected: the switch will be refused unless you insist.`, true);
  }
  const places = [PHASES.indexOf(from), PHASES.indexOf(to)].sort();
  const left = PHASES.slice(places[0] + 1, places[1]).map(phase => phase.mode);
  if (left.length) tell(`It leaves out ${new Intl.ListFormat("en").format(left)}.`, true);
  tell("It holds for this proxy; others keep their own mode. It survives a restart.");
  return found;
}

export function showEffects(list, found) {
  fill(list, found, () => found.map(({text, grave}) => made("li", {class: grave ? "grave" : null}, text)));
}
