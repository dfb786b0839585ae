// What changes something asks first: the switch of the mode, and reading the rules file again.

import {call} from "./api.js";
import {at, made, say, show} from "./elements.js";
import {effects, phaseOf, showEffects} from "./phases.js";
import {copies, time} from "./words.js";

// For a dialog of which the id is given: go() when its button is pressed, which returns whether it may close.
function prepare(id, go) {
  const dialog = at(id);
  const button = at(id + "-go");
  at(id + "-form").addEventListener("submit", async submitted => {
    submitted.preventDefault();
    button.disabled = true;
    say(at(id + "-wrong"), "");
    const done = await go();
    button.disabled = false;
    if (done) dialog.close();
  });
  dialog.querySelector("button[value=cancel]").addEventListener("click", () => dialog.close());
  return dialog;
}

// What an answer means when it is no success; unauthorized(): the token is not the right one any more.
function refusal(answer, unauthorized) {
  if (answer.status === 401) {
    unauthorized();
    return "This needs the admin token, and the one given is not it.";
  }
  return [answer.body.error, ...(answer.body.problems ?? [])].join(" · ");
}

export class SwitchDialog {
  // status(): what /status said last; done(text): what to tell when it is done.
  constructor(status, done, unauthorized) {
    this.status = status;
    this.done = done;
    this.unauthorized = unauthorized;
    this.dialog = prepare("switch", () => this.go());
  }

  open(phase) {
    const status = this.status();
    this.to = phase;
    this.looked = status.mode;
    say(at("switch-title"), `Switch from ${phaseOf(status.mode.mode).name} to ${phase.name}?`);
    say(at("switch-go"), `Switch to ${phase.name}`);
    say(at("switch-wrong"), "");
    show(at("switch-insist"), false);
    at("switch-force").checked = false;
    showEffects(at("switch-effects"), effects(phase, status));
    this.dialog.showModal();
  }

  async go() {
    const by = at("switch-by").value.trim();
    const force = at("switch-force").checked;
    // Refused if somebody else has switched since what is shown here was looked at.
    const answer = await call("POST", "config/mode", {
      mode: this.to.mode, expected: this.looked.mode, expected_since: this.looked.since,
      ...(by ? {by} : {}), ...(force ? {force} : {}),
    });
    if (answer.status === 200) {
      this.done(`The mode is now ${this.to.mode}.`);
      return true;
    }
    say(at("switch-wrong"), "Not switched: " + refusal(answer, this.unauthorized));
    const other = answer.status === 409 && answer.body.since !== this.looked.since;
    show(at("switch-insist"), answer.status === 409 && !other);
    if (answer.status === 401) this.dialog.close();
    return false;
  }
}

export class RereadDialog {
  constructor(status, done, unauthorized) {
    this.status = status;
    this.done = done;
    this.unauthorized = unauthorized;
    this.dialog = prepare("reread", () => this.go());
  }

  async open() {
    say(at("reread-wrong"), "");
    const answer = await call("GET", "filters");
    if (answer.status !== 200) {
      this.done("The rules cannot be looked at: " + refusal(answer, this.unauthorized));
      return;
    }
    const {rules, file} = answer.body;
    const waiting = this.status().mirrors.reduce((sum, mirror) => sum + mirror.remaining, 0);
    const said = [
      `${rules.path} is read. If it can be used, its rules hold at once for new writes`
        + (waiting ? `, and for ${copies(waiting)} that wait.` : ", and for copies that wait."),
      "If it cannot be used, nothing changes, and you are told what is wrong with it.",
      `In force now: the rules of ${time(rules.loaded_at)}, with hash ${rules.content_hash.slice(0, 12)}`
        + (rules.enforce ? "." : ", which are not enforced: they only count."),
      ...file.problems.map(problem => "Wrong with the file when it was last read: " + problem),
    ];
    at("reread-effects").replaceChildren(...said.map(text => made("li", {}, text)));
    this.before = rules.content_hash;
    this.dialog.showModal();
  }

  async go() {
    const answer = await call("POST", "filters/reload", {});
    if (answer.status === 200) {
      const same = answer.body.rules.content_hash === this.before;
      this.done(same ? "The rules file was read: it is the same as before." : "The rules of the file are in force.");
      return true;
    }
    say(at("reread-wrong"), "Nothing has changed: " + refusal(answer, this.unauthorized));
    if (answer.status === 401) this.dialog.close();
    return false;
  }
}
