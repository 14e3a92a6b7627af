// The state of the page: what is chosen, and which points that leaves. charts.js and sides.js draw it.

const DATA = JSON.parse(document.getElementById("data").textContent);
const METRICS = Object.fromEntries(DATA.metrics.map((metric, place) => [metric.name, { ...metric, place }]));
const AXES = Object.fromEntries(DATA.axes.map((axis, place) => [axis, place]));
const POINTS = DATA.points;
const BY_NAME = Object.fromEntries(POINTS.map((point) => [point.name, point]));
const axis = (point, name) => point.axes[AXES[name]];
const value = (point, name) => point.values[METRICS[name].place];
const FORMATS = [...new Set(POINTS.map((point) => axis(point, "format")))];
const LIMITS = [1, 2, 5, 10, 20, 50, 100];
const GOALS = ["items_per_second", "gmacs_per_mm2", "ms_per_item", "uj_per_item", "pj_per_mac", "area_mm2"];
const chosen = { network: first("network"), liberty: first("liberty"), limit: null, goal: GOALS[0], a: null, b: null };

function first(name) {
  const done = POINTS.find((point) => point.status === "done") ?? POINTS[0];
  return axis(done, name);
}

function element(name, attributes = {}, ...inside) {
  const made = document.createElement(name);
  for (const [key, text] of Object.entries(attributes)) if (text !== null && text !== false) made.setAttribute(key, text);
  made.append(...inside);
  return made;
}

function number(amount) {
  if (amount === null || amount === undefined) return "-";
  const size = Math.abs(amount);
  if (size >= 1e4) return Math.round(amount).toLocaleString("en");
  return size === 0 ? "0" : String(Number(amount.toPrecision(4)));
}

const unit = (name) => (METRICS[name].unit ? ` ${METRICS[name].unit}` : "");
// The title of a metric, of what the chosen network makes.
const label = (name) => METRICS[name].title.replace("{item}", DATA.items[chosen.network]);
const labelled = (name) => label(name) + (METRICS[name].unit ? `, ${METRICS[name].unit}` : "");

// What tells a point from others: the axes that vary, in words.
function description(point, without = []) {
  return DATA.varying.filter((name) => !without.includes(name) && !["rows", "columns", "format"].includes(name))
    .reduce((words, name) => [...words, `${name} ${axis(point, name)}`],
      [`${axis(point, "format")}, ${axis(point, "rows")} x ${axis(point, "columns")} cells`]).join(", ");
}

// The points of the chosen network and library, those within the limit of area.
const candidates = () => POINTS.filter((point) => point.status === "done" && axis(point, "network") === chosen.network
  && axis(point, "liberty") === chosen.liberty);
const fitting = () => candidates().filter((point) => chosen.limit === null || value(point, "area_mm2") <= chosen.limit);

function ranked(points, goal) {
  const sign = -METRICS[goal].better;
  return points.filter((point) => value(point, goal) !== null)
    .sort((one, other) => sign * (value(one, goal) - value(other, goal)) || value(one, "area_mm2") - value(other, "area_mm2"));
}

function pointButton(point) {
  const button = element("button", { type: "button", class: "point", "data-point": point.name }, point.name);
  return button;
}

// Of heads, one that begins with > is of a column of numbers, one with ! of a column that is not broken.
function plainTable(label_, heads, rows) {
  const cellOf = (inside, place, kind) => element(kind, { class: { ">": "n", "!": "name" }[heads[place][0]] ?? null }, inside);
  return element("div", { class: "scroll", role: "region", "aria-label": label_, tabindex: "0" }, element("table", {},
    element("thead", {}, element("tr", {}, ...heads.map((head, place) => cellOf(head.replace(/^[>!]/, ""), place, "th")))),
    element("tbody", {}, ...rows.map((row) => element("tr", {}, ...row.map((inside, place) => cellOf(inside, place, "td")))))));
}

function answerRows(points) {
  const names = ["area_mm2", "clock_mhz", "gmacs", "waiting_share", "pj_per_mac", "sqnr_db", "cosine_distance"]
    .filter((name) => points.some((point) => value(point, name) !== null));
  const heads = ["point", "!design", `>${labelled(chosen.goal)}`, ...names.filter((name) => name !== chosen.goal).map((name) => `>${labelled(name)}`)];
  return [heads, points.map((point) => [pointButton(point), description(point, ["network", "liberty"]), number(value(point, chosen.goal)),
    ...names.filter((name) => name !== chosen.goal).map((name) => number(value(point, name)))])];
}

function drawAnswer() {
  const place = document.getElementById("answer");
  const points = ranked(fitting(), chosen.goal);
  const words = METRICS[chosen.goal].better > 0 ? "most" : "least";
  if (!points.length) {
    place.replaceChildren(element("p", {}, "No point with all results fits."));
    return;
  }
  const best = points[0];
  const formats = FORMATS.map((name) => points.find((point) => axis(point, "format") === name)).filter(Boolean);
  const same = POINTS.filter((point) => point.status === "done" && point !== best
    && DATA.axes.every((name) => name === "format" || axis(point, name) === axis(best, name)));
  place.replaceChildren(
    element("p", { class: "best" }, `The ${words} ${label(chosen.goal)}: `, element("b", {}, number(value(best, chosen.goal)) + unit(chosen.goal)),
      `, by ${description(best, ["network", "liberty"])}, ${number(value(best, "area_mm2"))} mm2. `, pointButton(best)),
    element("p", {}, "The best of each format:"), plainTable("The best of each format", ...answerRows(formats)), element("p", { class: "quiet small" }, DATA.chance),
    ...(same.length ? [element("p", {}, "The same array in the other formats, whether or not it fits:"),
      plainTable("The same array in the other formats", ...answerRows(same))] : []));
  if (!chosen.a) {
    chosen.a = best.name;
    const rival = same[0] ?? formats[1];
    chosen.b = rival ? rival.name : null;
  }
}

function chips(what, values, current, choose, words = (one) => String(one)) {
  return element("div", { class: "chips", role: "group", "aria-label": what }, element("span", { class: "what" }, what), ...values.map((one) => {
    const button = element("button", { type: "button", "aria-pressed": String(one === current) }, words(one));
    button.addEventListener("click", () => choose(one));
    return button;
  }));
}

function choose(name, one) {
  chosen[name] = one;
  chosen.a = chosen.b = null;
  draw();
}

function drawChoice() {
  const valuesOf = (name) => [...new Set(POINTS.map((point) => axis(point, name)))];
  const goals = GOALS.filter((name) => POINTS.some((point) => value(point, name) !== null));
  document.getElementById("choice").replaceChildren(
    chips("network", valuesOf("network"), chosen.network, (one) => choose("network", one)),
    chips("library", valuesOf("liberty"), chosen.liberty, (one) => choose("liberty", one)),
    chips("area at most", [null, ...LIMITS], chosen.limit, (one) => choose("limit", one), (one) => (one === null ? "any" : `${one} mm2`)),
    chips("best is", goals, chosen.goal, (one) => choose("goal", one), (one) => `${METRICS[one].better > 0 ? "most" : "least"} ${label(one)}`));
}

// --- The table ---

const COMPARE = { "<=": (a, b) => a <= b, ">=": (a, b) => a >= b, "==": (a, b) => a === b, "!=": (a, b) => a !== b,
  "<": (a, b) => a < b, ">": (a, b) => a > b };

// Conditions such as "area_mm2 <= 5 and format == if4", as a test of a point; an Error says what is not understood.
function conditions(text) {
  const tests = text.split(/\band\b|,/).map((part) => part.trim()).filter(Boolean).map((part) => {
    const found = part.match(/^(\w+)\s*(<=|>=|==|!=|<|>)\s*(.+)$/);
    if (!found) throw new Error(`'${part}' is no comparison such as area_mm2 <= 5`);
    const [, name, sign, right] = found;
    if (!(name in METRICS) && !(name in AXES)) throw new Error(`there is no axis or metric '${name}'`);
    const wanted = right === "true" ? true : right === "false" ? false : Number.isNaN(Number(right)) ? right.replace(/^["']|["']$/g, "") : Number(right);
    return (point) => {
      const own = name in METRICS ? value(point, name) : axis(point, name);
      return own !== null && typeof own === typeof wanted && COMPARE[sign](own, wanted);
    };
  });
  return (point) => tests.every((test) => test(point));
}

function drawFilters() {
  const place = document.getElementById("filters"), rows = [...document.getElementById("table").tBodies[0].rows];
  const selects = DATA.varying.map((name) => {
    const select = element("select", { "data-axis": name, "aria-label": name }, element("option", { value: "" }, "all"),
      ...[...new Set(POINTS.map((point) => String(axis(point, name))))].map((one) => element("option", { value: one }, one)));
    place.append(element("label", {}, name, select));
    return select;
  });
  const field = element("input", { type: "search", id: "where", placeholder: "area_mm2 <= 5 and waiting_share < 20", "aria-label": "Conditions" });
  place.append(element("label", {}, "where", field));
  const status = document.getElementById("shown");
  const apply = () => {
    let holds = () => true, said = "";
    try { holds = conditions(field.value); } catch (error) { said = ` ${error.message}.`; }
    let count = 0;
    for (const row of rows) {
      const point = BY_NAME[row.querySelector("[data-point]").dataset.point];
      row.hidden = !(selects.every((select) => !select.value || String(axis(point, select.dataset.axis)) === select.value) && holds(point));
      count += !row.hidden;
    }
    status.textContent = `${count} of ${rows.length} points are shown.${said}`;
    field.setAttribute("aria-invalid", String(Boolean(said)));
  };
  for (const one of [...selects, field]) one.addEventListener("input", apply);
  document.querySelector('input[data-filter="table"]').remove();
  apply();
}

document.addEventListener("click", (event) => {
  const target = event.target.closest("[data-point]");
  if (!target) return;
  chosen[event.shiftKey ? "b" : "a"] = target.dataset.point;
  const point = BY_NAME[target.dataset.point];
  if (!event.shiftKey && point.status === "done") [chosen.network, chosen.liberty] = [axis(point, "network"), axis(point, "liberty")];
  draw();
  if (target.matches("button.point")) document.getElementById("pair").scrollIntoView({ behavior: "instant" });
});

function draw() {
  drawChoice();
  drawAnswer();
  drawCharts();
  drawSides();
  drawLayers();
}

addEventListener("DOMContentLoaded", () => { drawFilters(); draw(); });
