"use strict";
// Charts use currentColor, which follows the theme and print without redrawing.
const LOOKS = {
  text: { color: "currentColor" },
  axis: { labelColor: "currentColor", titleColor: "currentColor", gridColor: "#8884" },
  legend: { labelColor: "currentColor", titleColor: "currentColor" },
  title: { color: "currentColor" },
};
const specifications = JSON.parse(document.getElementById("charts").textContent);
const draw = (container) =>
  vegaEmbed(container, specifications[container.dataset.chart], {
    actions: false, renderer: "svg", config: LOOKS,
  }).then(() => { container.style.minHeight = ""; container.dataset.drawn = "yes"; });

(async () => {
  for (const container of document.querySelectorAll(".chart")) {
    await draw(container).catch((error) => { container.textContent = "This figure could not be drawn."; console.error(error); });
    await new Promise((next) => setTimeout(next, 0)); // keeps the page responsive
  }
  document.documentElement.dataset.drawn = "all";
})();

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
    for (const row of input.closest("section").querySelector("table").tBodies[0].rows)
      row.hidden = !terms.every((term) => row.textContent.toLowerCase().includes(term));
  }));

// A number links to its runs, which are collapsed.
const expand = () => {
  const target = location.hash && document.getElementById(location.hash.slice(1));
  if (target && target.tagName === "DETAILS") { target.open = true; target.scrollIntoView(); }
};
addEventListener("hashchange", expand);
expand();

document.getElementById("theme").addEventListener("click", () => {
  const root = document.documentElement;
  const dark = root.dataset.theme ? root.dataset.theme === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
  root.dataset.theme = dark ? "light" : "dark";
});
addEventListener("beforeprint", () => document.querySelectorAll("details").forEach((d) => { d.open = true; }));
