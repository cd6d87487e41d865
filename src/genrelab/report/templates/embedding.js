"use strict";
(() => {
  const data = JSON.parse(document.getElementById("data").textContent);
  const canvas = document.querySelector("canvas"), pen = canvas.getContext("2d"), told = document.getElementById("told");
  const audio = document.querySelector("#side audio"), count = data.clip.length, right = ["#0072B2", "#D55E00", "#9AA4AF"];
  const shown = { genres: new Set(data.genres.keys()), parts: new Set(data.splits.keys()) };
  const state = { method: "tsne", by: "genre", hover: -1, kept: -1, find: "", zoom: 1, left: 0, top: 0 };
  const SVG = "http://www.w3.org/2000/svg";

  // Corners of each marker in a circle of radius 1, in the order of matplotlib's names for them.
  const ring = (n, turn) => Array.from({ length: n }, (_, i) => [Math.sin(turn + 2 * Math.PI * i / n), -Math.cos(turn + 2 * Math.PI * i / n)]);
  const plus = [[-.35, -1], [.35, -1], [.35, -.35], [1, -.35], [1, .35], [.35, .35], [.35, 1], [-.35, 1], [-.35, .35], [-1, .35], [-1, -.35], [-.35, -.35]];
  const turned = (points, angle) => points.map(([x, y]) => [x * Math.cos(angle) - y * Math.sin(angle), x * Math.sin(angle) + y * Math.cos(angle)]);
  const SHAPES = {
    o: ring(16, 0), s: ring(4, Math.PI / 4), "^": ring(3, 0), D: ring(4, 0), v: ring(3, Math.PI), P: plus, X: turned(plus, Math.PI / 4),
  };

  function look(i) {
    if (state.by === "right") {
      const known = data.known.includes(data.genre[i]), good = data.genre[i] === data.predicted[i];
      return known ? (good ? [right[0], "o"] : [right[1], "X"]) : [right[2], "s"];
    }
    const number = data[state.by][i];
    if (state.by === "artist" && (number < 0 || number >= data.coloured)) return [data.rest, "o"];
    return data.marks[number];
  }

  const visible = (i) => shown.genres.has(data.genre[i]) && shown.parts.has(data.split[i]);
  const artist = (i) => data.artist[i] < 0 ? "unknown artist" : data.artists[data.artist[i]];
  const found = (i) => state.find && (data.clip[i] + " " + artist(i)).toLowerCase().includes(state.find);
  const box = () => canvas.getBoundingClientRect();
  function place(i, { width, height }) {
    const map = data.maps[state.method], edge = 18;
    return [
      edge + ((map.x[i] - state.left) * state.zoom) * (width - 2 * edge),
      edge + ((1 - map.y[i] - state.top) * state.zoom) * (height - 2 * edge),
    ];
  }

  function trace(shape, x, y, radius) {
    pen.beginPath();
    SHAPES[shape].forEach(([dx, dy], n) => pen[n ? "lineTo" : "moveTo"](x + radius * dx, y + radius * dy));
    pen.closePath();
  }

  let waiting = false;
  function draw() {
    if (waiting) return;
    waiting = true;
    requestAnimationFrame(() => { waiting = false; paint(); });
  }
  function paint() {
    const size = box(), { width, height } = size, sharp = window.devicePixelRatio || 1;
    if (canvas.width !== Math.round(width * sharp) || canvas.height !== Math.round(height * sharp)) {
      canvas.width = Math.round(width * sharp);
      canvas.height = Math.round(height * sharp);
    }
    pen.setTransform(sharp, 0, 0, sharp, 0, 0);
    pen.clearRect(0, 0, width, height);
    const radius = Math.max(2.4, Math.min(6, 110 / Math.sqrt(count))) * Math.min(2, Math.sqrt(state.zoom));
    const grey = (i) => look(i)[0] === data.rest;
    for (const behind of [true, false]) {
      for (let i = 0; i < count; i++) {
        if (!visible(i) || (state.by === "artist" ? grey(i) : false) !== behind) continue;
        const [x, y] = place(i, size), [colour, shape] = look(i), part = data.splits[data.split[i]];
        if (x < -9 || y < -9 || x > width + 9 || y > height + 9) continue;
        pen.globalAlpha = state.find && !found(i) ? .15 : part === "train" ? .4 : .9;
        trace(shape, x, y, part === "train" ? radius * .65 : radius);
        pen.lineWidth = 1.4;
        if (part === "validation") { pen.strokeStyle = colour; pen.stroke(); } else { pen.fillStyle = colour; pen.fill(); }
      }
    }
    pen.globalAlpha = 1;
    for (const i of new Set([state.kept, state.hover])) {
      if (i < 0 || !visible(i)) continue;
      const [x, y] = place(i, size);
      pen.strokeStyle = "#22262B";
      pen.lineWidth = i === state.kept ? 2.4 : 1.4;
      pen.beginPath();
      pen.arc(x, y, radius + 5, 0, 2 * Math.PI);
      pen.stroke();
    }
  }

  function element(name, text, parent) {
    const made = document.createElement(name);
    if (text !== undefined) made.textContent = text;
    if (parent) parent.append(made);
    return made;
  }
  function tell(i) {
    told.replaceChildren();
    if (i < 0) { element("p", "No clip chosen.", told).className = "soft"; return; }
    element("h3", data.clip[i], told);
    element("p", artist(i) + " · " + data.genres[data.genre[i]] + (data.splits.length > 1 ? " · " + data.splits[data.split[i]] : ""), told);
    const known = data.known.includes(data.genre[i]), good = data.genre[i] === data.predicted[i];
    element("p", "called " + data.genres[data.predicted[i]] + (known ? (good ? ": right" : ": wrong") : ""), told);
    const order = data.p[i].map((percent, n) => [percent, data.genres[data.known[n]]]).sort((a, b) => b[0] - a[0]);
    for (const [percent, genre] of order.slice(0, 6)) {
      const row = element("div", undefined, told);
      row.className = "chance";
      element("span", genre, row);
      const track = element("span", undefined, row);
      element("i", undefined, track).style.width = percent + "%";
      element("span", percent + " %", row).className = "n";
    }
    if (audio && !data.sound[data.clip[i]]) element("p", "No sound at hand.", told).className = "soft";
  }
  function play(i) {
    const link = i < 0 ? undefined : data.sound[data.clip[i]];
    if (!audio || !link) return;
    audio.src = link;
    audio.play().catch((error) => { if (error.name === "NotSupportedError") element("p", "Cannot be played from here.", told).className = "soft"; });
  }

  function nearest(x, y, reach) {
    const size = box();
    let best = -1, least = reach * reach;
    for (let i = 0; i < count; i++) {
      if (!visible(i)) continue;
      const [px, py] = place(i, size), away = (px - x) ** 2 + (py - y) ** 2;
      if (away < least) { least = away; best = i; }
    }
    return best;
  }
  // The nearest clip within 45 degrees of a direction.
  function step(dx, dy) {
    const size = box();
    if (state.kept < 0 || !visible(state.kept)) return nearest(size.width / 2, size.height / 2, Infinity);
    const [x, y] = place(state.kept, size);
    let best = state.kept, least = Infinity;
    for (let i = 0; i < count; i++) {
      if (i === state.kept || !visible(i)) continue;
      const [px, py] = place(i, size), along = (px - x) * dx + (py - y) * dy, across = Math.abs((px - x) * dy) + Math.abs((py - y) * dx);
      if (along > 0 && across <= along && along + 2 * across < least) { least = along + 2 * across; best = i; }
    }
    return best;
  }
  function keep(i) { state.kept = i; tell(i); draw(); }
  function into(i) {
    const size = box(), { width, height } = size, [x, y] = place(i, size), map = data.maps[state.method];
    if (x >= 0 && y >= 0 && x <= width && y <= height) return;
    state.left = map.x[i] - .5 / state.zoom;
    state.top = 1 - map.y[i] - .5 / state.zoom;
  }
  function zoom(factor, x, y) {
    const { width, height } = box(), edge = 18, u = ((x ?? width / 2) - edge) / (width - 2 * edge), v = ((y ?? height / 2) - edge) / (height - 2 * edge);
    const next = Math.min(60, Math.max(1, state.zoom * factor));
    state.left += u / state.zoom - u / next;
    state.top += v / state.zoom - v / next;
    state.zoom = next;
    if (next === 1) state.left = state.top = 0;
    draw();
  }
  function whole() { Object.assign(state, { zoom: 1, left: 0, top: 0 }); draw(); }

  let drag = null;
  const at = (event) => { const { left, top } = box(); return [event.clientX - left, event.clientY - top]; };
  canvas.addEventListener("pointerdown", (event) => { drag = { from: at(event), left: state.left, top: state.top, moved: false }; canvas.setPointerCapture(event.pointerId); });
  canvas.addEventListener("pointermove", (event) => {
    const [x, y] = at(event);
    if (drag) {
      const { width, height } = box(), dx = x - drag.from[0], dy = y - drag.from[1];
      if (Math.hypot(dx, dy) > 4) drag.moved = true;
      if (drag.moved) {
        state.left = drag.left - dx / (width - 36) / state.zoom;
        state.top = drag.top - dy / (height - 36) / state.zoom;
        draw();
      }
      return;
    }
    const i = nearest(x, y, 14);
    if (i !== state.hover) { state.hover = i; tell(i < 0 ? state.kept : i); draw(); }
  });
  canvas.addEventListener("pointerup", (event) => {
    const clicked = drag && !drag.moved;
    drag = null;
    if (!clicked) return;
    const i = nearest(...at(event), 14);
    keep(i);
    play(i);
  });
  canvas.addEventListener("pointercancel", () => { drag = null; });
  canvas.addEventListener("pointerleave", () => { state.hover = -1; tell(state.kept); draw(); });
  canvas.addEventListener("wheel", (event) => { event.preventDefault(); zoom(Math.exp(-event.deltaY / 400), ...at(event)); }, { passive: false });
  const ARROWS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
  canvas.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const arrow = ARROWS[event.key];
    if (arrow) { const i = step(...arrow); if (i >= 0) { into(i); keep(i); } }
    else if (event.key === "Enter" || event.key === " ") { if (state.hover >= 0) keep(state.hover); play(state.kept); }
    else if (event.key === "+" || event.key === "=") zoom(1.5);
    else if (event.key === "-") zoom(1 / 1.5);
    else if (event.key === "0") whole();
    else if (event.key === "Escape") { if (audio) audio.pause(); keep(-1); }
    else return;
    event.preventDefault();
  });

  function swatch(colour, shape, parent) {
    const svg = document.createElementNS(SVG, "svg"), path = document.createElementNS(SVG, "polygon");
    svg.setAttribute("width", 18); svg.setAttribute("height", 18); svg.setAttribute("viewBox", "-9 -9 18 18"); svg.setAttribute("aria-hidden", "true");
    path.setAttribute("points", SHAPES[shape].map(([x, y]) => 6 * x + "," + 6 * y).join(" "));
    path.setAttribute("fill", colour);
    svg.append(path);
    parent.append(svg);
  }
  const tally = (column, n) => column.reduce((sum, value) => sum + (value === n), 0);
  function boxes(list, names, set, column) {
    names.forEach((name, n) => {
      const clips = tally(column, n);
      if (!clips) return;
      const item = element("li", undefined, list), label = element("label", undefined, item), input = element("input", undefined, label);
      input.type = "checkbox";
      input.checked = true;
      input.addEventListener("change", () => { set[input.checked ? "add" : "delete"](n); draw(); });
      if (column === data.genre) swatch(...data.marks[n], label);
      label.append(" " + name);
      element("span", String(clips), item).className = "n";
    });
  }
  boxes(document.getElementById("genres"), data.genres, shown.genres, data.genre);
  boxes(document.getElementById("parts"), data.splits, shown.parts, data.split);
  document.getElementById("partbox").hidden = data.splits.length < 2;
  for (const [id, wanted] of [["all", true], ["none", false]]) {
    document.getElementById(id).addEventListener("click", () => {
      document.querySelectorAll("#genres input").forEach((input) => { if (input.checked !== wanted) input.click(); });
    });
  }
  function key() {
    const list = document.getElementById("key");
    list.replaceChildren();
    document.querySelectorAll("#genres svg").forEach((svg) => { svg.style.display = state.by === "genre" ? "" : "none"; });
    document.getElementById("keytitle").textContent = { genre: "", artist: "Artists", right: "Right or wrong" }[state.by];
    const line = (colour, shape, text, clips) => {
      const item = element("li", undefined, list);
      swatch(colour, shape, item);
      element("span", text, item);
      if (clips !== undefined) element("span", String(clips), item).className = "n";
    };
    if (state.by === "artist") {
      data.artists.slice(0, data.coloured).forEach((name, n) => line(...data.marks[n], name, tally(data.artist, n)));
      line(data.rest, "o", "all others");
    } else if (state.by === "right") {
      line(right[0], "o", "right");
      line(right[1], "X", "wrong");
      if (data.genre.some((genre) => !data.known.includes(genre))) line(right[2], "s", "a genre the model does not know");
    }
  }
  for (const name of ["method", "by"]) {
    document.querySelectorAll("input[name=" + name + "]").forEach((input) => {
      if (input.checked) state[name] = input.value;
      input.addEventListener("change", () => { state[name] = input.value; key(); draw(); });
    });
  }
  document.getElementById("find").addEventListener("input", (event) => { state.find = event.target.value.trim().toLowerCase(); draw(); });
  document.getElementById("in").addEventListener("click", () => zoom(1.5));
  document.getElementById("out").addEventListener("click", () => zoom(1 / 1.5));
  document.getElementById("whole").addEventListener("click", whole);
  new ResizeObserver(draw).observe(canvas);
  key();
  draw();
})();
