// Uses the page of test_page.py as a reader would, and writes what is seen then to the element `seen`, a line for each step.
addEventListener("DOMContentLoaded", () => setTimeout(() => {
  const seen = [], note = (step, text) => seen.push(`${step}: ${text}`);
  const find = (text, root = document) => [...root.querySelectorAll("#choice button")].find((one) => one.textContent === text);
  const pressed = () => [...document.querySelectorAll("#choice button[aria-pressed=true]")].map((one) => one.textContent).join(", ");
  const best = () => document.querySelector("#answer .best")?.textContent ?? document.getElementById("answer").textContent;
  note("chosen", pressed());
  // Three clicks: a network, a library, a limit of area.
  for (const text of ["bert_base_512", "osu035", "2 mm2"]) find(text).click();
  note("then chosen", pressed());
  note("best", best());
  note("formats", [...document.querySelectorAll("#answer table")[0].tBodies[0].rows].map((row) => row.cells[1].textContent).join("; "));
  note("same array", [...document.querySelectorAll("#answer table")[1].tBodies[0].rows].map((row) => row.cells[1].textContent).join("; "));
  find("any").click();

  // Fronts: hovering shows the point, and what beats it.
  const charts = [...document.querySelectorAll("#charts figure")];
  note("charts", charts.map((one) => `${one.dataset.chart} ${one.querySelectorAll(".mark").length}`).join("; "));
  const tip = document.getElementById("tip");
  const marks = [...charts[0].querySelectorAll(".mark")];
  const told = { on: 0, beaten: 0 };
  for (const one of marks) {
    one.dispatchEvent(new MouseEvent("mouseenter"));
    const text = tip.textContent;
    told[text.includes("On the front") ? "on" : "beaten"] += !tip.hidden && text.includes(one.dataset.point);
    const by = text.match(/Beaten by (\w+)/);
    if (by) {
      const [low, high] = [BY_NAME[one.dataset.point], BY_NAME[by[1]]];
      if (!(value(high, "area_mm2") <= value(low, "area_mm2") && value(high, "items_per_second") >= value(low, "items_per_second")))
        note("wrong", `${by[1]} does not beat ${one.dataset.point}`);
    }
    one.dispatchEvent(new MouseEvent("mouseleave"));
  }
  note("hovered", `${told.on} on the front, ${told.beaten} beaten, tip ${tip.hidden ? "hidden" : "shown"} afterwards`);
  marks[0].dispatchEvent(new MouseEvent("click", { bubbles: true }));
  const other = document.querySelector(`#charts .mark:not([data-point="${marks[0].dataset.point}"])`);
  other.dispatchEvent(new MouseEvent("click", { bubbles: true, shiftKey: true }));
  const heads = [...document.querySelectorAll("#sides th")].map((one) => one.textContent);
  note("sides", heads[1] === marks[0].dataset.point && heads[2] === other.dataset.point ? "as clicked" : heads.join(" "));
  note("layers", [...document.querySelectorAll("#bars .layers")].map((one) => one.querySelectorAll(".bar").length).join(" "));
  // Bars are as long as the times beside them.
  const widths = [...document.querySelectorAll("#bars .bars")].flatMap((one) => [...one.querySelectorAll(".bar svg")].map((bar, place) => {
    const width = [...bar.querySelectorAll("rect")].reduce((sum, part) => sum + Number(part.getAttribute("width")), 0);
    return width / Number.parseFloat(one.querySelectorAll(".n")[place].textContent.replaceAll(",", ""));
  }));
  note("bars", Math.max(...widths) / Math.min(...widths) < 1.01 ? "in proportion to time" : widths.join(" "));

  // The table: sorting, filters, conditions, and one that is wrong.
  const table = document.getElementById("table"), status = document.getElementById("shown");
  const column = [...table.tHead.rows[0].cells].findIndex((one) => one.textContent.startsWith("area"));
  const areas = () => [...table.tBodies[0].rows].filter((row) => !row.hidden).map((row) => Number(row.cells[column].dataset.value));
  table.tHead.rows[0].cells[column].querySelector("button").click();
  note("sorted", String(areas().every((one, place, all) => place === 0 || all[place - 1] >= one)));
  const select = document.querySelector("select[data-axis=format]");
  select.value = "nvfp4";
  select.dispatchEvent(new Event("input"));
  note("format", status.textContent);
  const where = document.getElementById("where");
  for (const text of ["area_mm2 <= 2 and network == vit_b_16", "area <= 2", "area_mm2 about 2"]) {
    where.value = text;
    where.dispatchEvent(new Event("input"));
    note(`where ${text}`, status.textContent);
  }
  note("wide", document.documentElement.scrollWidth <= document.documentElement.clientWidth ? "fits" : "runs out");
  document.getElementById("seen").textContent = seen.join("\n");
}));
