"use strict";

// Buttons that copy the command before them.
for (const button of document.querySelectorAll("button[data-copy]")) {
  button.hidden = false;
  button.addEventListener("click", async () => {
    const command = button.previousElementSibling;
    try {
      await navigator.clipboard.writeText(command.textContent);
      button.textContent = "Copied";
    } catch {
      getSelection().selectAllChildren(command);
      button.textContent = "Selected";
    }
    setTimeout(() => { button.textContent = "Copy"; }, 1500);
  });
}

// What a cell is sorted by: its data-value, else its number without commas, else its text. A value that is no number is NaN.
function sortValue(cell, numeric) {
  const text = cell ? cell.dataset.value ?? cell.textContent.trim() : "";
  return numeric ? (text === "" ? NaN : Number.parseFloat(text.replaceAll(",", ""))) : text;
}

// Orders the rows of a table by a column; equal ones keep their order, and those without a number come last either way.
function sortTable(table, column, descending) {
  const heads = table.tHead.rows[0].cells, body = table.tBodies[0];
  const numeric = heads[column].classList.contains("n"), sign = descending ? -1 : 1;
  const rows = [...body.rows].map((row) => [sortValue(row.cells[column], numeric), row]);
  rows.sort(([one], [other]) => {
    if (!numeric) return sign * one.localeCompare(other, "en", { numeric: true });
    if (Number.isNaN(one) || Number.isNaN(other)) return Number.isNaN(one) - Number.isNaN(other);
    return sign * (one - other);
  });
  body.append(...rows.map(([, row]) => row));
  for (const head of heads) head.removeAttribute("aria-sort");
  heads[column].setAttribute("aria-sort", descending ? "descending" : "ascending");
}

for (const table of document.querySelectorAll("table[data-sortable]")) {
  [...table.tHead.rows[0].cells].forEach((head, column) => {
    if (!head.textContent.trim()) return;
    const button = document.createElement("button");
    button.type = "button";
    button.append(...head.childNodes);
    head.append(button);
    button.addEventListener("click", () => {
      // Of numbers the largest are wanted first, of names the first.
      const sorted = head.getAttribute("aria-sort");
      sortTable(table, column, sorted ? sorted === "ascending" : head.classList.contains("n"));
    });
  });
}

// Fields that hide the rows of the next table in which one of their words does not occur.
for (const field of document.querySelectorAll("input[data-filter]")) {
  const table = document.getElementById(field.dataset.filter);
  field.hidden = false;
  field.addEventListener("input", () => {
    const words = field.value.toLowerCase().split(/\s+/).filter(Boolean);
    for (const row of table.tBodies[0].rows) {
      const text = row.textContent.toLowerCase();
      row.hidden = !words.every((word) => text.includes(word));
    }
  });
}
