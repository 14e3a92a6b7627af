// Clicks through the page of test_page.py, and writes what is seen then to the element `seen`, a line for each step.
const seen = [];
const names = () => [...document.querySelectorAll("#things tbody tr")].filter((row) => !row.hidden)
  .map((row) => row.cells[0].textContent).join(" ");
const note = (step) => seen.push(`${step}: ${names()}`);
const heads = document.querySelectorAll("#things th button");
note("at first");
heads[1].click();
note("largest first");
heads[1].click();
note("smallest first");
heads[2].click();
note("longest first");
heads[0].click();
note("by name");
seen.push(`sorted: ${[...document.querySelectorAll("#things th")].map((head) => head.getAttribute("aria-sort") ?? "-").join(" ")}`);
const field = document.querySelector("input[data-filter=things]");
for (const words of ["a1", "red  A", "nothing", ""]) {
  field.value = words;
  field.dispatchEvent(new Event("input"));
  note(`with '${words}'`);
}
seen.push(`unsorted has ${document.querySelectorAll("#still button").length} buttons`);
const copy = document.querySelector("button[data-copy]");
seen.push(`copy is ${copy.hidden ? "hidden" : "shown"}`);
document.getElementById("seen").textContent = seen.join("\n");
