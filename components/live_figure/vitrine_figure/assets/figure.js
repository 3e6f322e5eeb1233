// The live figure: one Plotly plot per host element, redrawn in place so that zoom and drawn shapes stay.
import "./plotly.min.js";

const Plotly = window.Plotly;
const CONFIG = { displayModeBar: false, doubleClick: "reset", scrollZoom: false, showTips: false };
const figures = new WeakMap();

export default function ({ data, parentElement, setStateValue, setTriggerValue }) {
  const figure = figures.get(parentElement) ?? mount(parentElement);
  figure.setStateValue = setStateValue;
  figure.setTriggerValue = setTriggerValue;
  update(figure, data);
  return () => unmount(parentElement);
}

function mount(parentElement) {
  const host = document.createElement("div");
  host.style.width = "100%";
  host.setAttribute("role", "img");
  parentElement.appendChild(host);
  const figure = { host, width: 0, data: null, waiting: null, busy: false, gone: false, drawn: [], revision: null, listening: false };
  figure.observer = new ResizeObserver(() => work(figure));
  figure.observer.observe(host);
  figures.set(parentElement, figure);
  return figure;
}

function unmount(parentElement) {
  const figure = figures.get(parentElement);
  if (!figure) return;
  figures.delete(parentElement);
  figure.observer.disconnect();
  figure.gone = true;
  if (!figure.busy) remove(figure);
}

function remove({ host }) {
  Plotly.purge(host);
  host.remove();
}

// Of the updates that arrive while one is being drawn, only the latest is drawn next.
function update(figure, data) {
  if (data === figure.data) return;
  figure.data = data;
  figure.waiting = data;
  work(figure);
}

// One step at a time: Plotly must be neither purged nor resized while it draws.
async function work(figure) {
  if (figure.busy) return;
  figure.busy = true;
  try {
    while (!figure.gone && (figure.waiting || misfits(figure))) {
      const next = figure.waiting;
      figure.waiting = null;
      await (next ? draw(figure, next) : fit(figure));
    }
  } finally {
    figure.busy = false;
    if (figure.gone) remove(figure);
  }
}

async function draw(figure, { traces, layout, height, alt, listens }) {
  const { host } = figure;
  host.style.height = `${height}px`;
  host.setAttribute("aria-label", alt);
  const own = structuredClone(layout);
  own.autosize = true;
  own.uirevision ??= "kept";
  keepDrawn(figure, own);
  figure.width = host.clientWidth;
  await Plotly.react(host, structuredClone(traces), own, CONFIG);
  figure.listens = listens;
  if (!figure.listening) listen(figure);
  await scaleBrush(figure);
  host.dataset.draws = Number(host.dataset.draws ?? 0) + 1;
}

// Shapes the reader drew live in the browser until `editrevision` changes; the figure's own come first.
function keepDrawn(figure, layout) {
  const revision = layout.editrevision ?? null;
  if (revision !== figure.revision) figure.drawn = [];
  figure.revision = revision;
  figure.given = layout.shapes?.length ?? 0;
  layout.shapes = [...(layout.shapes ?? []), ...figure.drawn];
}

function listen(figure) {
  figure.listening = true;
  const { host } = figure;
  host.on("plotly_click", (event) => {
    const point = event.points?.[0];
    if (!point || !figure.listens.click) return;
    const { x, y, curveNumber, customdata = null } = point;
    figure.setTriggerValue("clicked", { x, y, trace: curveNumber, customdata });
  });
  host.on("plotly_relayout", (change) => {
    if (!Object.keys(change).some((name) => name.startsWith("shapes"))) return;
    figure.drawn = structuredClone(host.layout.shapes.slice(figure.given));
    if (figure.listens.draw) figure.setStateValue("drawn", { revision: figure.revision, shapes: figure.drawn.map(plain) });
  });
}

function plain({ type, x0, x1, y0, y1, path, name }) {
  return type === "path" ? { type, path, width: Number(name) } : { type, x0, x1, y0, y1 };
}

// A new shape's name is the width of its stroke in units of the axis; a screen needs pixels.
async function scaleBrush({ host }) {
  const width = Number(host.layout.newshape?.name);
  if (!width) return;
  const axis = host._fullLayout.xaxis;
  const scale = axis._length / Math.abs(axis.range[1] - axis.range[0]);
  const change = {};
  if (Math.abs(host._fullLayout.newshape.line.width - width * scale) > 0.5) change["newshape.line.width"] = width * scale;
  host.layout.shapes.forEach((shape, index) => {
    const wanted = Number(shape.name) * scale;
    if (shape.type === "path" && shape.name && Math.abs(shape.line.width - wanted) > 0.5) {
      change[`shapes[${index}].line.width`] = wanted;
    }
  });
  if (Object.keys(change).length) await Plotly.relayout(host, change);
}

// Plotly ignores changes of a pixel, so what counts is the width it last looked at, not the one it took.
function misfits({ host, listening, width }) {
  return listening && host.clientWidth > 0 && host.clientWidth !== width;
}

async function fit(figure) {
  figure.width = figure.host.clientWidth;
  await Plotly.relayout(figure.host, { autosize: true });
  await scaleBrush(figure);
}
