// The last minutes as lines: rates and latencies of both clusters, side by side; what waits.

import {fill, made, say} from "./elements.js";
import {drawing, linear, logarithmic, Picture} from "./picture.js";
import {phaseOf} from "./phases.js";
import {clockOf, duration, milliseconds, perSecond, short} from "./words.js";

const KEPT_SECONDS = 900;
const WINDOWS = [60, 120, 180, 300, 450, 600, 900];

const rate = number => perSecond(number) + (number === null ? "" : "/s");

// Plots of one group have one scale: latencies can be compared at a glance. Rates have their own, since a cluster
// that catches up gets many times what the other one does.
function plotsOf(cluster) {
  return [
    {title: `${cluster}: requests/s`, cluster, scale: linear, group: cluster, tick: short, value: rate,
      lines: [
        {field: cluster + "_reads", name: "reads", kind: "first"},
        {field: cluster + "_writes", name: "writes", kind: "second"},
        {field: cluster + "_errors", name: "errors", kind: "bad"},
      ]},
    {title: `${cluster}: latency`, cluster, scale: logarithmic, group: "latency", tick: milliseconds, value: milliseconds,
      lines: [
        {field: cluster + "_p50_ms", name: "half within", kind: "first"},
        {field: cluster + "_p99_ms", name: "99 % within", kind: "high"},
      ]},
  ];
}

const [primaryRate, primaryLatency] = plotsOf("primary");
const [shadowRate, shadowLatency] = plotsOf("shadow");
const ALL = [
  primaryRate, shadowRate, primaryLatency, shadowLatency,
  {title: "copies waiting", scale: linear, group: "waiting", tick: short, value: short, lines: [
    {field: "waiting_in_memory", name: "in memory", kind: "first"},
    {field: "waiting_in_journal", name: "in the journal", kind: "second"},
  ]},
  {title: "lag: age of the oldest copy", scale: linear, group: "lag", tick: duration, value: duration, least: 0.1, lines: [
    {field: "lag_seconds", name: "lag", kind: "first"},
  ]},
];

export class Plots {
  constructor(place) {
    this.samples = [];
    this.fields = [];
    this.pointed = null;  // the time that is pointed at, null: the latest
    this.plots = ALL.map(plot => {
      const legend = made("ul", {class: "legend"});
      const title = made("span", {}, plot.title);
      const picture = new Picture();
      place.append(made("figure", {class: plot.cluster ?? null},
        made("figcaption", {}, title, legend), picture.element));
      for (const line of plot.lines) {
        const value = made("b", {});
        legend.append(made("li", {class: line.kind}, made("span", {class: "swatch", "aria-hidden": "true"}),
          made("span", {}, line.name), value));
        line.value = value;
      }
      picture.onPoint = time => { this.pointed = time; this.draw(); };
      return {...plot, heading: title, picture};
    });
    new ResizeObserver(() => this.draw()).observe(place);
  }

  // Another stream has begun: what was seen before it stays, as far as it does not know better.
  begin(fields, samples) {
    if (JSON.stringify(fields) !== JSON.stringify(this.fields)) this.samples = [];
    this.fields = fields;
    const first = samples.length ? samples[0][0] : Infinity;
    this.samples = [...this.samples.filter(sample => sample[0] < first), ...samples];
    this.trim();
  }

  add(sample) {
    const last = this.samples.at(-1);
    if (last && sample[0] <= last[0]) return;
    this.samples.push(sample);
    this.trim();
  }

  trim() {
    const last = this.samples.at(-1);
    if (!last) return;
    const from = this.samples.findIndex(sample => sample[0] >= last[0] - KEPT_SECONDS);
    if (from > 0) this.samples.splice(0, from);
  }

  // The clusters' names tell what they are for in the mode in force.
  show(mode) {
    const copied = phaseOf(mode.mode).copied;
    for (const plot of this.plots) {
      if (!plot.cluster) continue;
      const role = plot.cluster === mode.answered_by ? "answers clients" : plot.cluster === copied ? "gets copies" : "not used";
      fill(plot.heading, role, () => [plot.title, made("span", {class: "role"}, role)]);
    }
    this.draw();
  }

  draw() {
    const last = this.samples.at(-1);
    if (!last) return;
    const span = last[0] - this.samples[0][0];
    const seconds = WINDOWS.find(window => window >= span) ?? KEPT_SECONDS;
    const within = {from: last[0] - seconds, to: last[0]};
    const seen = this.samples.filter(sample => sample[0] >= within.from);
    const at = this.pointed === null ? last : nearest(seen, this.pointed);
    for (const group of new Set(this.plots.map(plot => plot.group))) {
      const together = this.plots.filter(plot => plot.group === group);
      const columns = together.flatMap(plot => plot.lines.map(line => this.fields.indexOf(line.field)));
      const scale = together[0].scale(valuesIn(seen, columns), together[0].least);
      for (const plot of together) this.drawOne(plot, scale, within, seen, at);
    }
  }

  drawOne(plot, scale, within, seen, at) {
    const lines = plot.lines.map(line => {
      const column = this.fields.indexOf(line.field);
      say(line.value, plot.value(at[column]));
      const points = seen.map(sample => [sample[0], sample[column]]);
      return {kind: line.kind, points: line.kind === "bad" ? withoutZeros(points) : points};
    });
    const figures = plot.lines.map(line => `${line.name} ${line.value.textContent}`).join(", ");
    plot.picture.draw(drawing(lines, scale, within, plot.tick), this.pointed === null ? null : at[0],
      `${plot.title} at ${clockOf(at[0])}: ${figures}`);
  }
}

function valuesIn(samples, columns) {
  const found = [];
  for (const sample of samples) {
    for (const column of columns) {
      if (sample[column] !== null && sample[column] !== undefined) found.push(sample[column]);
    }
  }
  return found;
}

// Only where it is not zero, with the way up and down: what is bad is no line along the axis.
function withoutZeros(points) {
  const bad = place => (points[place]?.[1] ?? 0) > 0;
  return points.map(([time, value], place) => [time, bad(place - 1) || bad(place) || bad(place + 1) ? value : null]);
}

function nearest(samples, time) {
  return samples.reduce((best, one) => Math.abs(one[0] - time) < Math.abs(best[0] - time) ? one : best);
}
