// The fronts: scatter charts of the chosen network and library, and what a pointer or a key shows of a point.

const CHARTS = [["area_mm2", "items_per_second"], ["sqnr_db", "pj_per_mac"], ["area_mm2", "ms_per_item"],
  ["area_mm2", "cosine_distance"], ["pj_per_mac", "cosine_distance"]]
  .filter((metrics) => metrics.every((name) => POINTS.some((point) => value(point, name) !== null)));
const BOX = { width: 400, height: 300, left: 58, right: 14, top: 14, bottom: 42 };
const SHAPES = ["circle", "square", "triangle", "diamond"];

function svg(name, attributes = {}, ...inside) {
  const made = document.createElementNS("http://www.w3.org/2000/svg", name);
  for (const [key, text] of Object.entries(attributes)) made.setAttribute(key, text);
  made.append(...inside);
  return made;
}

const words = (x, y, text, attributes = {}) => svg("text", { x, y, ...attributes }, text);
const seriesOf = (point) => FORMATS.indexOf(axis(point, "format"));

// A mark of a format: its colour and its shape, so that colours alone tell nothing.
function mark(series, x, y, attributes = {}) {
  const size = 5, kind = `mark s${(series % 8) + 1}`, shape = SHAPES[series % SHAPES.length];
  const all = { ...attributes, class: `${kind} ${attributes.class ?? ""}`.trim() };
  if (shape === "circle") return svg("circle", { ...all, cx: x, cy: y, r: size });
  const corners = { square: [[-1, -1], [1, -1], [1, 1], [-1, 1]], triangle: [[0, -1.2], [1.2, 1], [-1.2, 1]],
    diamond: [[0, -1.4], [1.2, 0], [0, 1.4], [-1.2, 0]] }[shape];
  return svg("polygon", { ...all, points: corners.map(([dx, dy]) => `${x + size * dx},${y + size * dy}`).join(" ") });
}

// A scale from the least to the largest number: linear, or logarithmic where they are far apart or it is asked for. Its ticks
// are round.
function scale(numbers, from, to, forced = false) {
  let low = Math.min(...numbers), high = Math.max(...numbers);
  const logarithmic = low > 0 && (forced || high / low > 12);
  const put = logarithmic ? Math.log10 : (one) => one;
  if (!logarithmic) {
    const room = (high - low) * 0.06 || Math.abs(high) * 0.1 || 1;
    [low, high] = [low >= 0 ? Math.max(0, low - room) : low - room, high + room];
  } else {
    [low, high] = [low / 1.2, high * 1.2];
  }
  const place = (one) => from + (to - from) * (put(one) - put(low)) / (put(high) - put(low));
  const ticks = [];
  if (logarithmic) {
    const few = high / low > 200 ? [1] : [1, 2, 5];
    for (let power = Math.floor(Math.log10(low)); power <= Math.log10(high); ++power)
      for (const one of few) if (one * 10 ** power >= low && one * 10 ** power <= high) ticks.push(one * 10 ** power);
  } else {
    const rough = (high - low) / 5, power = 10 ** Math.floor(Math.log10(rough));
    const step = [1, 2, 5, 10].find((one) => one * power >= rough) * power;
    for (let one = Math.ceil(low / step) * step; one <= high * (1 + 1e-9); one += step) ticks.push(Number(one.toPrecision(12)));
  }
  return { place, ticks };
}

function frame(name, x, y, xLabel, yLabel) {
  const made = svg("svg", { viewBox: `0 0 ${BOX.width} ${BOX.height}`, role: "img", "aria-label": name });
  for (const tick of x.ticks) {
    made.append(svg("line", { class: "grid", x1: x.place(tick), x2: x.place(tick), y1: BOX.top, y2: BOX.height - BOX.bottom }),
      words(x.place(tick), BOX.height - BOX.bottom + 15, number(tick), { "text-anchor": "middle", class: "quiet" }));
  }
  for (const tick of y.ticks) {
    made.append(svg("line", { class: "grid", x1: BOX.left, x2: BOX.width - BOX.right, y1: y.place(tick), y2: y.place(tick) }),
      words(BOX.left - 5, y.place(tick) + 4, number(tick), { "text-anchor": "end", class: "quiet" }));
  }
  made.append(words((BOX.left + BOX.width - BOX.right) / 2, BOX.height - 8, xLabel, { "text-anchor": "middle" }),
    words(12, (BOX.top + BOX.height - BOX.bottom) / 2, yLabel, { "text-anchor": "middle",
      transform: `rotate(-90 12 ${(BOX.top + BOX.height - BOX.bottom) / 2})` }));
  return made;
}

const better = (name, one, other) => METRICS[name].better * (one - other) > 0;
// Whether `one` is as good as `other` in both metrics, and better in one.
function dominates(one, other, metrics) {
  return metrics.every((name) => !better(name, value(other, name), value(one, name)))
    && metrics.some((name) => better(name, value(one, name), value(other, name)));
}

const frontOf = (points, metrics) => points.filter((point) => !points.some((other) => dominates(other, point, metrics)));

// Of the points of the front that dominate one, that with the most of the second metric.
function dominator(point, front, metrics) {
  return ranked(front.filter((other) => dominates(other, point, metrics)), metrics[1])[0] ?? null;
}

function showTip(target, point, metrics, by) {
  const tip = document.getElementById("tip"), box = target.getBoundingClientRect();
  tip.replaceChildren(element("p", {}, element("b", {}, point.name), ` ${description(point, ["network", "liberty"])}`),
    ...metrics.map((name) => element("p", {}, `${label(name)}: ${number(value(point, name))}${unit(name)}`)),
    element("p", {}, by ? `Beaten by ${by.name}, ${description(by, ["network", "liberty"])}: ${metrics.map((name) =>
      `${number(value(by, name))}${unit(name)}`).join(", ")}` : "On the front: nothing is better in both."));
  tip.hidden = false;
  const left = Math.min(box.left + 12, document.documentElement.clientWidth - tip.offsetWidth - 8);
  tip.style.left = `${scrollX + Math.max(4, left)}px`;
  tip.style.top = `${scrollY + box.bottom + 8}px`;
}

const hideTip = () => { document.getElementById("tip").hidden = true; };

function chart(metrics) {
  const [xName, yName] = metrics;
  const title = `${label(yName)} against ${label(xName)}`;
  const figure = element("figure", { "data-chart": metrics.join(" ") }, element("figcaption", {}, title));
  const points = fitting().filter((point) => metrics.every((name) => value(point, name) !== null));
  if (!points.length) {
    figure.append(element("p", { class: "quiet" }, "No point has both."));
    return figure;
  }
  const x = scale(points.map((point) => value(point, xName)), BOX.left, BOX.width - BOX.right);
  const y = scale(points.map((point) => value(point, yName)), BOX.height - BOX.bottom, BOX.top);
  const made = frame(title, x, y, labelled(xName), labelled(yName));
  const front = frontOf(points, metrics);
  const at = (point) => [x.place(value(point, xName)), y.place(value(point, yName))];
  const line = front.map(at).sort((one, other) => one[0] - other[0] || one[1] - other[1]);
  made.append(svg("polyline", { class: "front", points: line.map((place) => place.map((one) => one.toFixed(1)).join(",")).join(" ") }));
  // Those of the front are drawn last, on top.
  for (const point of [...points.filter((one) => !front.includes(one)), ...front]) {
    const kinds = [front.includes(point) ? "" : "off", point.name === chosen.a ? "a" : "", point.name === chosen.b ? "b" : ""];
    const drawn = mark(seriesOf(point), ...at(point), { class: kinds.filter(Boolean).join(" "), tabindex: "0", "data-point": point.name, role: "button",
      "aria-label": `${point.name}, ${description(point)}` });
    const show = () => showTip(drawn, point, metrics, dominator(point, front, metrics));
    for (const name of ["mouseenter", "focus"]) drawn.addEventListener(name, show);
    for (const name of ["mouseleave", "blur"]) drawn.addEventListener(name, hideTip);
    drawn.addEventListener("keydown", (event) => {
      if (event.key === "Enter") drawn.dispatchEvent(new MouseEvent("click", { bubbles: true, shiftKey: event.shiftKey }));
    });
    made.append(drawn);
  }
  figure.append(made);
  return figure;
}

function drawCharts() {
  hideTip();
  document.getElementById("legend").replaceChildren(...FORMATS.map((name, series) => element("span", {},
    svg("svg", { viewBox: "0 0 14 14", "aria-hidden": "true" }, mark(series, 7, 7)), name)));
  document.getElementById("charts").replaceChildren(...CHARTS.map(chart));
}
