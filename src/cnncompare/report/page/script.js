"use strict";
// Charts take the page's colours: currentColor follows the theme, and print, without redrawing.
const LOOKS = {
  text: { color: "currentColor" },
  axis: { labelColor: "currentColor", titleColor: "currentColor", gridColor: "#8884" },
  legend: { labelColor: "currentColor", titleColor: "currentColor" },
  title: { color: "currentColor" },
};
const specs = JSON.parse(document.getElementById("charts").textContent);
const draw = (place) =>
  vegaEmbed(place, specs[place.dataset.chart], {
    actions: false, renderer: "svg", config: LOOKS,
  }).then(() => { place.style.minHeight = ""; place.dataset.drawn = "yes"; });

(async () => {
  for (const place of document.querySelectorAll(".chart")) {
    await draw(place).catch((error) => { place.textContent = "This picture could not be drawn."; console.error(error); });
    await new Promise((next) => setTimeout(next, 0)); // the page answers in between
  }
  document.documentElement.dataset.drawn = "all";
})();

// Sorting: numbers by their exact value, what was not measured always last.
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

// Filtering: every word must occur in the row.
document.querySelectorAll(".filter input").forEach((input) =>
  input.addEventListener("input", () => {
    const words = input.value.toLowerCase().split(/\s+/);
    for (const row of input.closest("section").querySelector("table").tBodies[0].rows)
      row.hidden = !words.every((word) => row.textContent.toLowerCase().includes(word));
  }));

// A number leads to its runs, which lie folded.
const unfold = () => {
  const target = location.hash && document.getElementById(location.hash.slice(1));
  if (target && target.tagName === "DETAILS") { target.open = true; target.scrollIntoView(); }
};
addEventListener("hashchange", unfold);
unfold();

document.getElementById("theme").addEventListener("click", () => {
  const root = document.documentElement;
  const dark = root.dataset.theme ? root.dataset.theme === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
  root.dataset.theme = dark ? "light" : "dark";
});
addEventListener("beforeprint", () => document.querySelectorAll("details").forEach((d) => { d.open = true; }));
