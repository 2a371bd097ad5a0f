"use strict";
// Charts use currentColor, which follows the theme and print without redrawing.
const LOOKS = {
  text: { color: "currentColor" },
  axis: { labelColor: "currentColor", titleColor: "currentColor", gridColor: "#8884" },
  legend: { labelColor: "currentColor", titleColor: "currentColor" },
  title: { color: "currentColor" },
};
const root = document.documentElement;
const specifications = JSON.parse(document.getElementById("charts").textContent);
const draw = (container) => {
  const label = container.getAttribute("aria-label"); // Vega replaces it
  return vegaEmbed(container, specifications[container.dataset.chart], {
    actions: false, renderer: "svg", config: LOOKS,
  }).then(() => {
    container.setAttribute("role", "img");
    container.setAttribute("aria-label", label);
    container.style.minHeight = "";
    container.dataset.drawn = "yes";
  }).catch((error) => { container.textContent = "This figure could not be drawn."; console.error(error); });
};

// A closed section has no width: its figures are drawn when it is opened.
const drawAll = async (within) => {
  for (const container of within.querySelectorAll(".chart:not([data-drawn])")) {
    if (container.closest("details:not([open])")) continue;
    container.dataset.drawn = "now";
    await draw(container);
    await new Promise((next) => setTimeout(next, 0)); // keeps the page responsive
  }
};
drawAll(document).then(() => { root.dataset.drawn = "all"; });
document.querySelectorAll("details").forEach((details) =>
  details.addEventListener("toggle", () => { if (details.open) drawAll(details); }));

// The chooser shows one of several figures.
document.querySelectorAll(".chooser select").forEach((select) =>
  select.addEventListener("change", () => {
    const figure = select.closest("figure"), chart = figure.querySelector(".chart");
    const { title, caption, alt } = select.selectedOptions[0].dataset;
    chart.dataset.chart = select.value;
    chart.setAttribute("aria-label", alt);
    figure.querySelector("h4").textContent = title;
    figure.querySelector(".text").textContent = caption;
    for (const link of figure.querySelectorAll(".files a"))
      link.setAttribute("href", `figures/${select.value}.${link.textContent}`);
    draw(chart);
  }));

// Sorting: numbers by their exact value; unknown values are always last.
const key = (cell) => {
  const text = cell.dataset.value ?? cell.textContent.trim();
  const number = Number(text);
  return text === "" ? null : Number.isNaN(number) ? text.toLowerCase() : number;
};
const order = (a, b) =>
  typeof a === typeof b ? (a < b ? -1 : a > b ? 1 : 0) : typeof a === "number" ? -1 : 1;
document.querySelectorAll("table.sortable thead button").forEach((button) =>
  button.addEventListener("click", () => {
    const head = button.closest("th"), body = head.closest("table").tBodies[0];
    const way = head.getAttribute("aria-sort") === "descending" ? 1 : -1;
    const first = head.classList.contains("number") || head.hasAttribute("aria-sort") ? way : 1;
    for (const other of head.parentNode.children) other.removeAttribute("aria-sort");
    head.setAttribute("aria-sort", first === 1 ? "ascending" : "descending");
    [...body.rows]
      .map((row) => [key(row.cells[head.cellIndex]), row])
      .sort(([a], [b]) => (a === null) - (b === null) || (a === null ? 0 : first * order(a, b)))
      .forEach(([, row]) => body.append(row));
  }));

// Filtering: a row must contain every term.
document.querySelectorAll(".filter input").forEach((input) =>
  input.addEventListener("input", () => {
    const terms = input.value.toLowerCase().split(/\s+/);
    for (const row of input.closest(".table").querySelector("table").tBodies[0].rows)
      row.hidden = !terms.every((term) => row.textContent.toLowerCase().includes(term));
  }));

document.querySelectorAll(".switch").forEach((button) =>
  button.addEventListener("click", () => {
    const all = button.getAttribute("aria-pressed") === "false";
    button.setAttribute("aria-pressed", String(all));
    document.getElementById(button.getAttribute("aria-controls")).classList.toggle("all", all);
  }));

// A link opens the sections that its target is in; a number links to its runs.
const expand = () => {
  const target = location.hash && document.getElementById(location.hash.slice(1));
  if (!target) return;
  const own = target.matches("details") ? target : target.querySelector(":scope > details.study");
  for (let at = own ?? target; at; at = at.parentElement?.closest("details")) if (at.matches("details")) at.open = true;
  target.scrollIntoView();
};
addEventListener("hashchange", expand);
expand();

// Definitions appear on hover, focus and touch, within the window.
const tip = document.getElementById("tip");
const showTip = (element) => {
  tip.textContent = element.dataset.tip;
  tip.hidden = false;
  const box = element.getBoundingClientRect();
  const left = Math.min(box.left, innerWidth - tip.offsetWidth - 8);
  const below = box.bottom + tip.offsetHeight + 8 < innerHeight;
  tip.style.left = `${Math.max(8, left)}px`;
  tip.style.top = `${below ? box.bottom + 4 : box.top - tip.offsetHeight - 4}px`;
};
const hideTip = () => { tip.hidden = true; };
document.querySelectorAll("[data-tip]").forEach((element) => {
  for (const kind of ["mouseenter", "focus", "click"]) element.addEventListener(kind, () => showTip(element));
  for (const kind of ["mouseleave", "blur"]) element.addEventListener(kind, hideTip);
});
addEventListener("scroll", hideTip, { passive: true });

document.getElementById("theme").addEventListener("click", () => {
  const dark = root.dataset.theme ? root.dataset.theme === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
  root.dataset.theme = dark ? "light" : "dark";
});

// Presentation: one slide at a time, enlarged to the window.
const number = document.getElementById("slide-number");
let slides = [], at = 0;
const fit = () => { // figures are drawn anew at the width of the slide
  const slide = slides[at];
  slide.style.zoom = 1;
  slide.style.bottom = "auto"; // its own height
  const zoom = Math.min(innerWidth / 900, innerHeight / Math.max(1, slide.offsetHeight));
  slide.style.bottom = "";
  slide.style.zoom = Math.max(1, Math.min(3, zoom));
  dispatchEvent(new Event("resize"));
};
const leave = () => {
  slides[at]?.classList.remove("shown");
  if (slides[at]) slides[at].style.zoom = "";
};
const go = (step) => {
  leave();
  at = Math.max(0, Math.min(slides.length - 1, at + step));
  slides[at].classList.add("shown");
  number.textContent = `${at + 1} / ${slides.length}`;
  fit();
};
const present = (on) => {
  hideTip();
  if (on) slides = [...document.querySelectorAll(".slide, .table .scroll:has(.sortable), figure")]
    .filter((element) => !element.closest("details:not([open])"));
  root.classList.toggle("presenting", on);
  number.hidden = !on;
  if (on) { at = 0; go(0); return; }
  const last = slides[at];
  leave();
  dispatchEvent(new Event("resize"));
  last?.scrollIntoView({ block: "center" });
};
document.getElementById("present").addEventListener("click", () => present(true));
addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || event.target.matches?.("input, select")) return;
  const on = root.classList.contains("presenting");
  if (event.key === "p") present(!on);
  if (event.key === "Escape") { hideTip(); if (on) present(false); }
  if (!on) return;
  const step = { ArrowRight: 1, PageDown: 1, " ": 1, ArrowLeft: -1, PageUp: -1 }[event.key];
  if (step) { event.preventDefault(); go(step); }
});

addEventListener("beforeprint", () => document.querySelectorAll("details.pairs, details.protocol").forEach((d) => { d.open = true; }));
