// One plot as SVG: scales with readable ticks, lines that break where nothing is known, a hair line at the pointer.

import {clockOf, minutesOf} from "./words.js";

const SVG = "http://www.w3.org/2000/svg";
const HEIGHT = 132;
const MARGIN = {left: 52, right: 10, top: 8, bottom: 20};
const GAP_SECONDS = 3.5;

// A scale gives `ticks`, and `share(value)`: 0 at the bottom, 1 at the top.
export function linear(values, least = 1) {
  const most = Math.max(least, ...values.length ? [maximum(values)] : []);
  const step = nice(most / 3);
  const top = Math.ceil(most / step - 1e-9) * step;
  const ticks = [];
  for (let number = 0; number * step <= top + step / 2; number++) ticks.push(number * step);
  return {ticks, share: value => value / top};
}

export function logarithmic(values) {
  const positive = values.filter(value => value > 0);
  let low = positive.length ? Math.floor(Math.log10(minimum(positive))) : -1;
  let high = positive.length ? Math.ceil(Math.log10(maximum(positive)) - 1e-9) : 2;
  if (high - low < 2) high = low + 2;
  const ticks = [];
  for (let power = low; power <= high; power++) ticks.push(10 ** power);
  return {ticks, share: value => value > 0 ? Math.max(0, (Math.log10(value) - low) / (high - low)) : 0};
}

const maximum = values => values.reduce((most, one) => one > most ? one : most, -Infinity);
const minimum = values => values.reduce((least, one) => one < least ? one : least, Infinity);

function nice(step) {
  const power = 10 ** Math.floor(Math.log10(step));
  return [1, 2, 5, 10].map(one => one * power).find(one => one >= step * 0.999);
}

// What a Picture draws. lines: {kind, points: [[time, value or null], ...]}; tick(value): its label.
export const drawing = (lines, scale, within, tick) => ({lines, scale, within, tick});

function svg(tag, attributes, text) {
  const element = document.createElementNS(SVG, tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  if (text !== undefined) element.textContent = text;
  return element;
}

export class Picture {
  constructor() {
    this.element = svg("svg", {role: "img", height: HEIGHT, width: "100%"});
    this.onPoint = () => {};
    this.within = null;
    this.element.addEventListener("pointermove", event => this.point(event));
    this.element.addEventListener("pointerdown", event => this.point(event));
    this.element.addEventListener("pointerleave", () => this.onPoint(null));
  }

  point(event) {
    if (this.within === null) return;
    const box = this.element.getBoundingClientRect();
    const share = (event.clientX - box.left - MARGIN.left) / (box.width - MARGIN.left - MARGIN.right);
    const {from, to} = this.within;
    this.onPoint(share < 0 || share > 1 ? null : from + share * (to - from));
  }

  draw({lines, scale, within, tick}, pointed, label) {
    const width = this.element.clientWidth;
    if (!width) return;
    this.within = within;
    const inner = {width: width - MARGIN.left - MARGIN.right, height: HEIGHT - MARGIN.top - MARGIN.bottom};
    const x = time => MARGIN.left + inner.width * (time - within.from) / (within.to - within.from);
    const y = value => MARGIN.top + inner.height * (1 - Math.min(1, scale.share(value)));
    const parts = [];
    for (const value of scale.ticks) {
      const at = Math.round(y(value)) + 0.5;
      parts.push(svg("path", {class: "grid", d: `M${MARGIN.left} ${at}H${width - MARGIN.right}`}));
      parts.push(svg("text", {class: "tick", x: MARGIN.left - 6, y: at + 4, "text-anchor": "end"}, tick(value)));
    }
    for (const [time, text] of times(within, inner.width)) {
      parts.push(svg("path", {class: "grid", d: `M${Math.round(x(time)) + 0.5} ${HEIGHT - MARGIN.bottom}v4`}));
      parts.push(svg("text", {class: "tick", x: x(time), y: HEIGHT - 5, "text-anchor": "middle"}, text));
    }
    for (const line of lines) parts.push(svg("path", {class: "line " + line.kind, d: path(line.points, x, y)}));
    if (pointed !== null) {
      parts.push(svg("path", {class: "hair", d: `M${x(pointed)} ${MARGIN.top}V${HEIGHT - MARGIN.bottom}`}));
      const end = x(pointed) > width / 2;
      parts.push(svg("text", {class: "tick hair", x: x(pointed) + (end ? -5 : 5), y: MARGIN.top + 10,
        "text-anchor": end ? "end" : "start"}, clockOf(pointed)));
    }
    this.element.setAttribute("viewBox", `0 0 ${width} ${HEIGHT}`);
    this.element.setAttribute("aria-label", label);
    this.element.replaceChildren(...parts);
  }
}

// Whole minutes, or parts of one, as many as there is room for: [time, label].
function times({from, to}, width) {
  const most = Math.max(2, Math.floor(width / 90));
  const step = [10, 15, 30, 60, 120, 180, 300, 600].find(one => (to - from) / one <= most) ?? 600;
  const found = [];
  for (let time = Math.ceil(from / step) * step; time <= to; time += step) {
    // Not where its label would be cut off.
    if ((to - time) / (to - from) * width > 14 && (time - from) / (to - from) * width > 24) {
      found.push([time, step < 60 ? clockOf(time) : minutesOf(time)]);
    }
  }
  return found;
}

// A line that is broken where there is no value, or none for a while; a value on its own is a dot.
function path(points, x, y) {
  let text = "";
  let before = null;
  for (const [time, value] of points) {
    if (value === null || value === undefined) {
      before = null;
      continue;
    }
    const here = `${x(time).toFixed(1)} ${y(value).toFixed(1)}`;
    text += before !== null && time - before < GAP_SECONDS ? "L" + here : `M${here}h0`;
    before = time;
  }
  return text;
}
