// Draws the similarities of every two sentences, a map for each format, and says what is under the pointer.

const DATA = JSON.parse(document.getElementById("data").textContent);
const COUNT = DATA.texts.length, CELL = 4, MOVED = 0.1;
const place = (i, j) => { const [a, b] = i < j ? [i, j] : [j, i]; return a * COUNT - (a * (a + 1)) / 2 + b - a - 1; };
const similarity = (format, i, j) => (i === j ? 1 : DATA.pairs[format][place(i, j)]);

// A colour of the page as red, green and blue.
function colour(name) {
  const text = getComputedStyle(document.documentElement).getPropertyValue(name).trim();
  return [1, 3, 5].map((at) => Number.parseInt(text.slice(at, at + 2), 16));
}

function drawMap(canvas, format) {
  const context = canvas.getContext("2d"), [back, ink, moved] = ["--back", "--text", "--series-6"].map(colour);
  for (let i = 0; i < COUNT; ++i) {
    for (let j = 0; j < COUNT; ++j) {
      const share = Math.min(1, Math.max(0, similarity(format, i, j)));
      context.fillStyle = `rgb(${back.map((one, at) => Math.round(one + (ink[at] - one) * share)).join(",")})`;
      context.fillRect(j * CELL, i * CELL, CELL, CELL);
      if (Math.abs(similarity(format, i, j) - similarity(0, i, j)) > MOVED) {
        context.strokeStyle = `rgb(${moved.join(",")})`;
        context.strokeRect(j * CELL + 0.5, i * CELL + 0.5, CELL - 1, CELL - 1);
      }
    }
  }
}

function show(canvas, event) {
  const box = canvas.getBoundingClientRect();
  const [j, i] = [(event.clientX - box.left) / box.width, (event.clientY - box.top) / box.height]
    .map((share) => Math.min(COUNT - 1, Math.max(0, Math.floor(share * COUNT))));
  const figures = DATA.names.map((name, format) => `${name} ${similarity(format, i, j).toFixed(3)}`).join(", ");
  document.getElementById("under").textContent = `${figures}: "${DATA.texts[i]}" and "${DATA.texts[j]}"`;
}

addEventListener("DOMContentLoaded", () => {
  const maps = DATA.names.map((name, format) => {
    const figure = document.createElement("figure"), caption = document.createElement("figcaption");
    const canvas = document.createElement("canvas");
    caption.textContent = name;
    canvas.width = canvas.height = COUNT * CELL;
    canvas.setAttribute("role", "img");
    canvas.setAttribute("aria-label", `Similarities in ${name}`);
    canvas.addEventListener("pointermove", (event) => show(canvas, event));
    figure.append(caption, canvas);
    drawMap(canvas, format);
    return figure;
  });
  document.getElementById("maps-drawn").append(...maps);
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => maps.forEach((figure, format) => drawMap(figure.querySelector("canvas"), format)));
});
