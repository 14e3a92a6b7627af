// Two points side by side, the layers of the first one, and its roofline.

function commandBox(text) {
  const button = element("button", { type: "button" }, "Copy");
  const pre = element("pre", {}, text);
  button.addEventListener("click", async () => {
    try {
      await navigator.clipboard.writeText(text);
      button.textContent = "Copied";
    } catch {
      getSelection().selectAllChildren(pre);
      button.textContent = "Selected";
    }
  });
  return element("div", { class: "command" }, pre, button);
}

function picker(side) {
  const select = element("select", { "aria-label": side === "a" ? "first point" : "second point", "data-side": side },
    ...(side === "b" ? [element("option", { value: "" }, "none")] : []),
    ...POINTS.map((point) => element("option", { value: point.name }, `${point.name}: ${description(point)}`)));
  select.value = chosen[side] ?? "";
  select.addEventListener("input", () => {
    chosen[side] = select.value || null;
    draw();
  });
  return select;
}

function drawSides() {
  const place = document.getElementById("sides"), a = BY_NAME[chosen.a], b = BY_NAME[chosen.b];
  const pick = element("div", { class: "chips pick" }, element("label", {}, "first ", picker("a")), element("label", {}, "second ", picker("b")));
  if (!a) {
    place.replaceChildren(pick);
    return;
  }
  const rows = DATA.axes.filter((name) => DATA.varying.includes(name) || (b && axis(a, name) !== axis(b, name)))
    .map((name) => [name, String(axis(a, name)), b ? String(axis(b, name)) : "", ""]);
  // Tokens a second are items a second of networks that make tokens.
  rows.push(...DATA.metrics.filter((metric) => metric.name !== "tokens_per_second" && [a, b].some((point) => point && value(point, metric.name) !== null)).map((metric) => {
    const [one, other] = [value(a, metric.name), b ? value(b, metric.name) : null];
    const name = labelled(metric.name) + (metric.assumed ? " (assumed)" : "");
    return [name, number(one), b ? number(other) : "", one && other !== null ? number(other / one) : "", metric.better * ((other ?? one) - one)];
  }));
  const table = plainTable("Two points", ["", `>${a.name}`, `>${b ? b.name : ""}`, b ? ">second / first" : ">"], rows.map((row) => row.slice(0, 4)));
  [...table.querySelectorAll("tbody tr")].forEach((row, index) => {
    const wins = rows[index][4];
    if (b && wins) row.cells[wins > 0 ? 2 : 1].className = "n wins";
  });
  const state = (point) => (point.reason ? [element("p", { class: "warn" }, `${point.name}: ${point.status}: ${point.reason}`)] : []);
  const commands = [a, b].filter(Boolean).map((point) => element("details", {}, element("summary", {}, `Commands that repeat ${point.name}`),
    commandBox(DATA.repeat + point.name), ...Object.entries(point.commands).map(([kind, text]) => element("div", {}, kind, commandBox(text)))));
  place.replaceChildren(pick, ...state(a), ...(b ? state(b) : []), table, ...commands);
}

const SLOT = { m: 0, n: 1, k: 2, runs: 3, macs: 4, cycles: 5, dram: 6, parts: 7 };
const PART_COLOURS = ["s1", "s7", "s8", "s5", "s2", "s3", "s4", "s6"];

// The layers of a point with the time of all their runs.
function layersOf(point) {
  const names = DATA.layers[axis(point, "network")];
  return DATA.cycles[point.cycles].map((row, place) => ({ name: names[place], row, runs: row[SLOT.runs],
    seconds: row[SLOT.runs] * row[SLOT.cycles] / (value(point, "clock_mhz") * 1e6) }));
}

function bars(point, longest) {
  const layers = layersOf(point), total = layers.reduce((sum, layer) => sum + layer.seconds, 0);
  const line = (name, seconds, parts, cycles, title) => {
    const made = svg("svg", { viewBox: "0 0 1000 20", preserveAspectRatio: "none", role: "img", "aria-label": title });
    let x = 0;
    parts.forEach((part, place) => {
      const width = 1000 * (seconds / longest) * (part / cycles);
      if (width <= 0) return;
      made.append(svg("rect", { class: PART_COLOURS[place], x, y: 0, width, height: 20 },
        svg("title", {}, `${name}: ${DATA.parts[place][1]}, ${(100 * part / cycles).toFixed(1)} %`)));
      x += width;
    });
    return [element("div", {}, name), element("div", { class: "bar" }, made),
      element("div", { class: "n" }, `${number(1000 * seconds)} ms`, element("span", { class: "wide" }, `, ${(100 * seconds / total).toFixed(1)} %`))];
  };
  const all = DATA.parts.map((_, place) => layers.reduce((sum, layer) => sum + layer.runs * layer.row[SLOT.parts + place], 0));
  const cells = layers.flatMap((layer) => line(`${layer.name}${layer.runs > 1 ? ` (${layer.runs}x)` : ""}`, layer.seconds,
    layer.row.slice(SLOT.parts), layer.row[SLOT.cycles], layer.name));
  const mean = all.map((part, place) => `${DATA.parts[place][1]} ${(100 * part / all.reduce((sum, one) => sum + one, 0)).toFixed(1)} %`);
  return element("figure", { class: "layers", "data-layers": point.name }, element("figcaption", {}, `${point.name}, ${description(point)}: ${number(1000 * total)} ms a run, of which `
    + mean.filter((text) => !text.endsWith(" 0.0 %")).join(", ")), element("div", { class: "bars" }, ...cells));
}

function roofline(point) {
  const bandwidth = value(point, "dram_bytes_per_cycle") * value(point, "clock_mhz") / 1000;  // GB/s
  const peak = value(point, "peak_gmacs");
  const layers = layersOf(point).filter((layer) => layer.row[SLOT.dram] > 0).map((layer) => ({ ...layer,
    intensity: layer.row[SLOT.macs] / layer.row[SLOT.dram], rate: layer.row[SLOT.macs] * layer.runs / layer.seconds / 1e9 }));
  if (!layers.length) return element("p", { class: "quiet" }, "Without DRAM there is no roofline.");
  const ridge = peak / bandwidth;
  // Both are logarithmic, in which the roof is straight.
  const x = scale([...layers.map((layer) => layer.intensity), ridge], BOX.left, BOX.width - BOX.right, true);
  const y = scale([...layers.map((layer) => layer.rate), ...layers.map((layer) => Math.min(peak, layer.intensity * bandwidth)), peak * 1.3],
    BOX.height - BOX.bottom, BOX.top, true);
  const made = frame("Roofline", x, y, "products a byte of DRAM", "GMAC/s");
  const edges = [Math.min(...layers.map((layer) => layer.intensity), ridge), Math.max(...layers.map((layer) => layer.intensity), ridge)];
  const roof = [edges[0], ridge, edges[1]].map((one) => [x.place(one), y.place(Math.min(peak, one * bandwidth))]);
  made.append(svg("polyline", { class: "roof", points: roof.map((place) => place.map((one) => one.toFixed(1)).join(",")).join(" ") }),
    words(BOX.width - BOX.right, y.place(peak) - 5, `${number(peak)} GMAC/s of the array`, { "text-anchor": "end" }),
    words(x.place(Math.sqrt(edges[0] * ridge)) - 6, y.place(Math.sqrt(edges[0] * ridge) * bandwidth) - 6, `${number(bandwidth)} GB/s of DRAM`,
      { "text-anchor": "end" }));
  // Layers that lie close to each other share a label.
  const marked = [];
  for (const layer of layers.sort((one, other) => other.seconds - one.seconds)) {
    const [px, py] = [x.place(layer.intensity), y.place(layer.rate)];
    made.append(svg("circle", { class: "mark s5", cx: px, cy: py, r: 4 }, svg("title", {},
      `${layer.name}: ${number(layer.rate)} GMAC/s, ${number(layer.intensity)} products a byte`)));
    const near = marked.find((other) => Math.abs(other.px - px) < 70 && Math.abs(other.py - py) < 13);
    if (near) near.names.push(layer.name);
    else marked.push({ px, py, names: [layer.name] });
  }
  for (const { px, py, names } of marked) {
    const left = px > BOX.width * 0.6, text = names.length > 1 ? `${names[0]} and ${names.length - 1} more` : names[0];
    made.append(words(px + (left ? -7 : 7), py + 12, text, { "text-anchor": left ? "end" : "start", class: "quiet" }));
  }
  return element("figure", {}, element("figcaption", {}, `Roofline of ${point.name}`), made);
}

function drawLayers() {
  const place = document.getElementById("bars");
  const points = [chosen.a, chosen.b].map((name) => BY_NAME[name]).filter((point) => point && point.cycles && value(point, "clock_mhz"));
  if (!points.length) {
    place.replaceChildren(element("p", { class: "quiet" }, "The point has no cycles."));
    return;
  }
  // Both points have one scale of time, if they run the same network.
  const longestOf = (point) => Math.max(...layersOf(point).map((layer) => layer.seconds));
  const same = points.every((point) => axis(point, "network") === axis(points[0], "network"));
  const longest = Math.max(...points.map(longestOf));
  const legend = element("div", { class: "legend" }, ...DATA.parts.map(([, text], part) => element("span", {},
    svg("svg", { viewBox: "0 0 14 14", "aria-hidden": "true" }, svg("rect", { class: PART_COLOURS[part], width: 14, height: 14 })), text)));
  place.replaceChildren(element("p", {}, "The length of a bar is the time of all runs of a layer; its colours are where that time went."),
    legend, ...points.map((point) => bars(point, same ? longest : longestOf(point))),
    element("div", { class: "charts" }, ...points.map(roofline)));
}
