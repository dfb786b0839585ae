// Elements made and filled. Text is only ever text: nothing that is shown becomes markup.

export const at = id => document.getElementById(id);

// made("td", {class: "number", title: "..."}, "text", anotherElement)
export function made(tag, attributes = {}, ...content) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value === true) element.setAttribute(name, "");
    else if (value !== null && value !== false) element.setAttribute(name, value);
  }
  element.append(...content.filter(part => part !== null));
  return element;
}

const shown = new WeakMap();

// Fill it anew if what it shows has changed: what stays the same can be selected, and is not read out again.
export function fill(element, facts, ...makers) {
  const key = JSON.stringify(facts);
  if (shown.get(element) === key) return;
  shown.set(element, key);
  element.replaceChildren(...makers.flatMap(make => make()).filter(part => part !== null));
}

export function say(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

export function show(element, visible) {
  if (element.hidden === visible) element.hidden = !visible;
}

// Rows of a name and a value each.
export function table(rows) {
  const body = made("tbody");
  for (const [name, value, kind] of rows) {
    body.append(made("tr", {class: kind ?? null}, made("th", {scope: "row"}, name), made("td", {}, value)));
  }
  return made("table", {}, body);
}
