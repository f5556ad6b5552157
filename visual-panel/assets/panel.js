// Keeps an open page up to date: fetches its main part every second and puts
// in what has changed. Without this file the page reloads itself instead.
"use strict";

const PERIOD = 1000;
const DEADLINE = 3000;

const band = document.getElementById("sin-panel");
const bandAge = document.getElementById("sin-panel-edad");
const notice = document.getElementById("aviso");

let timer = 0;
let asking = false;
let lastHeard = Date.now();

// The address is relative to <base>, so it is right behind any prefix.
async function fetchMain() {
  const response = await fetch("fragmento", {
    cache: "no-store",
    signal: AbortSignal.timeout(DEADLINE),
  });
  if (!response.ok) throw new Error(`HTTP ${response.status}`);
  const text = await response.text();
  const main = new DOMParser().parseFromString(text, "text/html").getElementById("contenido");
  // A proxy's own page may come with 200 too.
  if (!main) throw new Error("not a part of the panel");
  return main;
}

const parts = (main) => [...main.querySelectorAll("[data-parte]")];
const names = (main) => parts(main).map((part) => part.dataset.parte).join();
const ids = (main) => new Set([...main.querySelectorAll("[data-id]")].map((row) => row.dataset.id));

// Whoever is selecting an id to copy it keeps it: that part waits.
function isSelected(part) {
  const selection = document.getSelection();
  return !selection.isCollapsed && selection.containsNode(part, true);
}

function markNewRows(main, before) {
  if (before.size === 0) return;
  for (const row of main.querySelectorAll("[data-id]")) {
    if (!before.has(row.dataset.id)) row.classList.add("nueva");
  }
}

// Part by part, so that what is the same stays in place. `innerHTML` of both
// sides: marks that this script set on a part itself do not count.
function swapParts(current, next) {
  const fresh = new Map(parts(next).map((part) => [part.dataset.parte, part]));
  for (const part of parts(current)) {
    const replacement = fresh.get(part.dataset.parte);
    const source = replacement.innerHTML;
    if (part.source === source || isSelected(part)) continue;
    const before = ids(part);
    part.replaceWith(replacement);
    replacement.source = source;
    markNewRows(replacement, before);
  }
}

function show(next) {
  const current = document.getElementById("contenido");
  const changed = current.dataset.estado !== next.dataset.estado;
  if (changed) notice.textContent = next.querySelector("[data-aviso]")?.textContent ?? "";
  if (names(current) === names(next)) {
    current.dataset.estado = next.dataset.estado;
    swapParts(current, next);
  } else {
    current.replaceWith(next);
  }
}

function age(seconds) {
  return seconds < 120 ? `${seconds} s` : `${Math.floor(seconds / 60)} min`;
}

function showPanelAway() {
  bandAge.textContent = ` desde hace ${age(Math.round((Date.now() - lastHeard) / 1000))}`;
  if (band.hidden) notice.textContent = "El panel no responde.";
  band.hidden = false;
  document.body.classList.add("sin-panel");
}

function showPanelBack() {
  if (!band.hidden) notice.textContent = "El panel responde de nuevo.";
  band.hidden = true;
  document.body.classList.remove("sin-panel");
}

async function refresh() {
  if (asking) return;
  asking = true;
  const started = Date.now();
  try {
    const main = await fetchMain();
    lastHeard = Date.now();
    showPanelBack();
    show(main);
  } catch {
    showPanelAway();
  }
  asking = false;
  plan(PERIOD - (Date.now() - started));
}

// A hidden tab asks nothing; it catches up when it is seen again.
function plan(wait) {
  clearTimeout(timer);
  if (!document.hidden) timer = setTimeout(refresh, Math.max(wait, 0));
}

document.addEventListener("visibilitychange", () => plan(0));
plan(PERIOD);
