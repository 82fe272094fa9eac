// Draws the graph of a figure anew, to be explored: hints, dragging, zoom, filters, paths to a class.
(() => {
  "use strict";
  const NS = "http://www.w3.org/2000/svg";
  const COLUMN = 190, ROW = 62, PAD = 70, FACE = 36, GAP = 90, LONGEST = 18, HEAD = 9, LETTER = 6, NEAR = 8, MOST_LABELLED = 6;
  const ARROWS = { ArrowLeft: [-10, 0], ArrowRight: [10, 0], ArrowUp: [0, -10], ArrowDown: [0, 10] };
  const make = (tag, attributes, ...children) => {
    const made = document.createElementNS(NS, tag);
    for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
    made.append(...children);
    return made;
  };
  const html = (tag, text = "", attributes = {}) => {
    const made = document.createElement(tag);
    if (text) made.textContent = text;
    for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
    return made;
  };

  const nameOf = (node) => (node.kind === "class" ? node.title : `${node.kind} ${node.title}`);
  // A column is called by its layer, by what its nodes are, or by the concepts in it.
  const called = ([first, ...others]) => {
    if (first.layer || first.kind !== "concept") return first.layer || first.kind;
    if (others.length === 1) return `${first.title}, ${others[0].title}`;
    return others.length ? `${first.title} and ${others.length} more` : first.title;
  };
  const lookOf = (edge, strongest) => {
    const share = edge.weight === null ? 0.5 : Math.abs(edge.weight) / (strongest || 1);
    if (edge.apart) return ["apart", 1.2];
    if (edge.doubt) return ["doubted", 1.2];
    if (edge.verdict === "wrong") return ["wrong", 2.2];
    if (edge.verdict) return [edge.verdict === "unknown" ? "unknown" : "right", 2];
    return [edge.sign > 0 ? "supports" : edge.sign < 0 ? "opposes" : "plain", 1 + 3.5 * share];
  };

  // Boxes are [left, top, right, bottom].
  const overlap = (a, b) =>
    Math.max(0, Math.min(a[2], b[2]) - Math.max(a[0], b[0])) * Math.max(0, Math.min(a[3], b[3]) - Math.max(a[1], b[1]));
  const holds = (box, x, y) => x > box[0] && x < box[2] && y > box[1] && y < box[3];
  const pointsOf = (line) => {
    const length = line.getTotalLength();
    const count = Math.ceil(length / 4);
    return Array.from({ length: count + 1 }, (_, step) => {
      const { x, y } = line.getPointAtLength((length * step) / count);
      return { x, y, line };
    });
  };
  const headsOf = (line) =>
    [["marker-start", 0], ["marker-end", line.getTotalLength()]].filter(([end]) => line.hasAttribute(end)).map(([, place]) => {
      const { x, y } = line.getPointAtLength(place);
      return [x - HEAD, y - HEAD, x + HEAD, y + HEAD];
    });
  // Finds where a label of a size stands beside its line: where it covers the least of what is there
  // already, and of lines. Of equally free places, those near the middle, above the line and away from other lines are best.
  const besideLine = (line, [width, height], taken, points) => {
    const length = line.getTotalLength();
    let best, least = Infinity;
    for (let share = 0.1; share < 0.9; share += 0.04) {
      const at = line.getPointAtLength(length * share), next = line.getPointAtLength(length * share + 1);
      const step = Math.hypot(next.x - at.x, next.y - at.y) || 1;
      // The normal of a line that leads right points up.
      const across = (next.y - at.y) / step, up = (at.x - next.x) / step;
      const away = (Math.abs(across) * width + Math.abs(up) * height) / 2 + Number(line.getAttribute("stroke-width")) / 2 + 2;
      for (const side of [1, -1]) {
        const x = at.x + side * away * across, y = at.y + side * away * up;
        const box = [x - width / 2, y - height / 2, x + width / 2, y + height / 2];
        const covered = taken.reduce((sum, one) => sum + overlap(box, one), 0);
        const crossed = points.filter((point) => holds(box, point.x, point.y)).length;
        const around = [box[0] - NEAR, box[1] - NEAR, box[2] + NEAR, box[3] + NEAR];
        const close = points.filter((point) => point.line !== line && holds(around, point.x, point.y)).length;
        const cost = covered + 10 * crossed + Math.abs(share - 0.5) + (side < 0 ? 0.2 : 0) + 0.03 * close;
        if (cost < least) [best, least] = [{ x, y, box }, cost];
      }
    }
    return best;
  };

  const explore = (figure, data, number) => {
    const nodes = new Map(data.nodes.map((node) => {
      const pictures = node.pictures.map(([stored, ...words]) => [data.pictures[stored], ...words]);
      return [node.id, { ...node, pictures }];
    }));
    const strongest = Math.max(0, ...data.edges.map((edge) => Math.abs(edge.weight ?? 0)));
    const targets = Object.keys(data.paths);
    const state = { least: 0, target: targets[0], paths: 4, layers: new Set() };
    const svg = make("svg", { class: "live", role: "group", "aria-label": "Causal graph; use the Tab key to go through its nodes and edges" });
    const lines = make("g", {}), labels = make("g", { "aria-hidden": "true" }), boxes = make("g", {});
    const defs = make("defs", {});
    for (const name of ["supports", "opposes", "plain", "doubted", "wrong", "right", "unknown", "apart"]) {
      defs.append(make("marker", { id: `head-${number}-${name}`, viewBox: "0 0 8 8", refX: 7, refY: 4, markerWidth: HEAD, markerHeight: HEAD, orient: "auto-start-reverse", markerUnits: "userSpaceOnUse" },
        make("path", { d: "M0,0 L8,4 L0,8 z", class: `edge-head ${name}` })));
    }
    svg.append(defs, lines, labels, boxes);
    const panel = html("div", "", { class: "graph-panel", "aria-live": "polite" });

    const visible = () => {
      let edges = data.edges.map((edge, place) => ({ edge, place }));
      if (targets.length) {
        const kept = new Set((data.paths[state.target] ?? []).slice(0, state.paths).flat());
        edges = edges.filter(({ place }) => kept.has(place));
      }
      const loudest = Math.max(0, ...edges.map(({ edge }) => Math.abs(edge.weight ?? 0)));
      return edges.filter(({ edge }) =>
        (edge.weight === null || Math.abs(edge.weight) >= state.least * loudest) &&
        !state.layers.has(nodes.get(edge.from).x) && !state.layers.has(nodes.get(edge.to).x));
    };
    // Nodes of a column share its height among them; what a reader has dragged stays.
    const arrange = (shown, edges) => {
      // Lines that converge on a node have room for their labels before they meet.
      const longest = Math.max(0, ...labelled(edges).map((edge) => edge.label.length));
      const gap = GAP + LETTER * longest;
      const columns = new Map();
      for (const node of shown) columns.set(node.x, [...(columns.get(node.x) ?? []), node]);
      const rows = Math.max(1, ...[...columns.values()].map((column) => column.length));
      let middle = 0, before = 0;
      [...columns.keys()].sort((a, b) => a - b).forEach((x, place) => {
        const column = columns.get(x);
        const half = Math.max(...column.map(halfWidth));
        middle += place ? Math.max(COLUMN, before + gap + half) : Math.max(PAD, half + 8);
        before = half;
        column.sort((a, b) => a.y - b.y);
        column.forEach((node, row) => {
          if (node.dragged) return;
          node.cx = middle;
          node.cy = ROW / 2 + (targets.length ? (rows * (row + 0.5)) / column.length : node.y) * ROW;
        });
      });
      const across = Math.max(PAD, ...shown.map((node) => node.cx + Math.max(PAD, halfWidth(node) + 8)));
      const down = Math.max(...shown.map((node) => node.cy), ROW) + ROW;
      view = [0, 0, across, down];
      svg.style.maxWidth = `${Math.round(across * 1.25)}px`;
      // On a phone the names would be too small to read: the graph is scrolled there.
      svg.style.minWidth = `${Math.round(across * 0.75)}px`;
      zoomTo(view);
    };
    let view = [0, 0, 100, 100];
    const zoomTo = (box) => { view = box; svg.setAttribute("viewBox", box.map((v) => v.toFixed(1)).join(" ")); };
    const zoom = (factor) => {
      const [x, y, width, height] = view;
      zoomTo([x + (width * (1 - factor)) / 2, y + (height * (1 - factor)) / 2, width * factor, height * factor]);
    };

    // A channel or a factor, whose name says nothing, has the picture that excites it most in its box.
    const face = (node) => (node.face ? node.pictures[0] : undefined);
    // The end of a long name tells the nodes of a layer apart; the layer is known from the column.
    const written = ({ title, layer, kind }) =>
      layer && kind !== "class" && title.length > LONGEST ? `…${title.slice(1 - LONGEST)}` : title;
    // A label is also told of its edge, so that only small graphs have them written.
    const labelled = (edges) => (edges.length > MOST_LABELLED ? [] : edges.map(({ edge }) => edge).filter((edge) => edge.label));
    const halfWidth = (node) => Math.max(22, written(node).length * 3.6 + 8) + (face(node) ? FACE / 2 : 0);
    const halfHeight = (node) => (face(node) ? FACE / 2 + 3 : 13);
    const route = (edge, among) => {
      const a = nodes.get(edge.from), b = nodes.get(edge.to);
      const dx = b.cx - a.cx, dy = b.cy - a.cy;
      const length = Math.hypot(dx, dy) || 1;
      // An edge bends around nodes that lie on its straight line.
      const blocked = among.some((node) => {
        if (node === a || node === b) return false;
        const t = ((node.cx - a.cx) * dx + (node.cy - a.cy) * dy) / (length * length);
        return t > 0.05 && t < 0.95 && Math.abs((node.cx - a.cx) * dy - (node.cy - a.cy) * dx) / length < 16;
      });
      const swing = edge.apart ? 0.35 : blocked ? 0.3 : 0;
      const mx = (a.cx + b.cx) / 2 + dy * swing, my = (a.cy + b.cy) / 2 - Math.abs(dx) * swing;
      const edgeOf = (node, x, y) => {
        const ex = x - node.cx, ey = y - node.cy;
        const scale = Math.min(halfWidth(node) / (Math.abs(ex) || 1e-6), (halfHeight(node) + 1) / (Math.abs(ey) || 1e-6), 1);
        return [node.cx + ex * scale, node.cy + ey * scale];
      };
      const [sx, sy] = edgeOf(a, mx, my), [tx, ty] = edgeOf(b, mx, my);
      return `M${sx.toFixed(1)},${sy.toFixed(1)} Q${mx.toFixed(1)},${my.toFixed(1)} ${tx.toFixed(1)},${ty.toFixed(1)}`;
    };
    const tell = (title, facts, doubt, text = "", pictures = []) => {
      panel.replaceChildren(html("b", title));
      if (doubt) panel.append(html("p", `Not to be believed: ${doubt}.`, { class: "doubted" }));
      if (text) panel.append(html("p", text));
      for (const [source, alt, caption] of pictures) {
        const one = html("span", "", { class: "meaning" });
        one.append(html("img", "", { src: source, alt }), html("small", caption));
        panel.append(one);
      }
      if (facts.length) {
        const list = html("ul");
        for (const fact of facts) list.append(html("li", fact));
        panel.append(list);
      }
    };
    const live = (item, tip, show) => {
      item.setAttribute("tabindex", "0");
      item.dataset.tip = tip;
      for (const event of ["mouseenter", "focus", "click"]) item.addEventListener(event, show);
    };

    const draw = () => {
      const edges = visible();
      const joined = new Set(edges.flatMap(({ edge }) => [edge.from, edge.to]));
      const shown = [...nodes.values()].filter((node) =>
        !state.layers.has(node.x) && (joined.has(node.id) || (!targets.length && !data.edges.some((e) => e.from === node.id || e.to === node.id))));
      arrange(shown, edges);
      const paint = () => {
        lines.replaceChildren();
        const drawn = [];
        for (const { edge } of edges) {
          const [look, width] = lookOf(edge, strongest);
          const directed = edge.kind === "directed" || edge.kind === "partially directed";
          const d = route(edge, shown);
          const line = make("path", { d, class: `edge ${look}`, "stroke-width": width.toFixed(2), fill: "none" });
          if (directed || edge.kind === "bidirected") line.setAttribute("marker-end", `url(#head-${number}-${look})`);
          if (edge.kind === "bidirected") line.setAttribute("marker-start", `url(#head-${number}-${look})`);
          if (edge.kind !== "directed") line.classList.add("open");
          const target = make("path", { d, class: "reach", fill: "none" });
          const verdict = edge.verdict === "right" || edge.verdict === "wrong" ? [`the true graph says: ${edge.verdict}`] : [];
          const facts = [...edge.facts, ...verdict];
          const group = make("g", { role: "img", "aria-label": [edge.said, ...facts].join("; ") }, line, target);
          const doubt = edge.doubt ? [`not to be believed: ${edge.doubt}`] : [];
          live(group, [edge.said, ...doubt, ...facts].join("\n"), () => tell(edge.said, facts, edge.doubt));
          lines.append(group);
          drawn.push([edge, line]);
        }
        label(drawn);
      };
      const label = (drawn) => {
        labels.replaceChildren();
        const chosen = new Set(labelled(edges));
        const points = drawn.flatMap(([, line]) => pointsOf(line));
        const taken = [
          ...shown.map((node) => [node.cx - halfWidth(node), node.cy - halfHeight(node), node.cx + halfWidth(node), node.cy + halfHeight(node)]),
          ...drawn.flatMap(([, line]) => headsOf(line)),
        ];
        for (const [edge, line] of drawn) {
          if (!chosen.has(edge)) continue;
          const text = make("text", { class: "edge-label", "text-anchor": "middle", dy: "0.35em" }, edge.label);
          labels.append(text);
          const width = text.getComputedTextLength() || edge.label.length * LETTER;
          const { x, y, box } = besideLine(line, [width + 4, 14], taken, points);
          text.setAttribute("x", x.toFixed(1));
          text.setAttribute("y", y.toFixed(1));
          taken.push(box);
        }
      };
      paint();
      const top = Math.min(...[lines, labels].map((one) => one.getBBox()).filter((one) => one.height).map((one) => one.y));
      if (top < view[1] + 4) zoomTo([view[0], top - 8, view[2], view[3] - (top - 8)]);
      boxes.replaceChildren();
      for (const node of shown) {
        const half = halfWidth(node), high = halfHeight(node), shift = face(node) ? FACE / 2 : 0;
        const group = make("g", { class: "node", role: "img", "aria-label": nameOf(node) },
          make("rect", { x: -half, y: -high, width: 2 * half, height: 2 * high, rx: 6 }),
          make("text", { x: shift, "text-anchor": "middle", dy: "0.34em" }, written(node)));
        if (face(node)) group.append(make("image", { href: face(node)[0], x: 3 - half, y: -FACE / 2, width: FACE, height: FACE }));
        const place = () => group.setAttribute("transform", `translate(${node.cx.toFixed(1)},${node.cy.toFixed(1)})`);
        place();
        const into = edges.filter(({ edge }) => edge.to === node.id).map(({ edge }) => `from ${nodes.get(edge.from).title}: ${edge.facts[0] ?? "no weight"}`);
        const out = edges.filter(({ edge }) => edge.from === node.id).map(({ edge }) => `to ${nodes.get(edge.to).title}: ${edge.facts[0] ?? "no weight"}`);
        const tip = [nameOf(node), node.layer && `layer ${node.layer}`].filter(Boolean).join("\n");
        live(group, tip, () => tell(nameOf(node), [...into, ...out], "", node.text, node.pictures));
        const move = (x, y) => {
          node.dragged = true;
          [node.cx, node.cy] = [x, y];
          place();
          paint();
        };
        group.addEventListener("keydown", (e) => {
          const [across, down] = ARROWS[e.key] ?? [0, 0];
          if (!across && !down) return;
          e.preventDefault();
          move(node.cx + across, node.cy + down);
        });
        group.addEventListener("pointerdown", (e) => {
          e.preventDefault();
          group.setPointerCapture(e.pointerId);
          const scale = view[2] / svg.clientWidth;
          const from = [e.clientX, e.clientY, node.cx, node.cy];
          const drag = (to) => move(from[2] + (to.clientX - from[0]) * scale, from[3] + (to.clientY - from[1]) * scale);
          group.addEventListener("pointermove", drag);
          group.addEventListener("pointerup", () => group.removeEventListener("pointermove", drag), { once: true });
        });
        boxes.append(group);
      }
      const faces = shown.some(face) ? "; the picture in a box is what excites it most" : "";
      count.textContent = ` ${edges.length} of ${data.total ?? data.edges.length} edges${faces}`;
    };

    const tools = html("div", "", { class: "tools" });
    const option = (label, control) => { const l = html("label", `${label} `); l.append(control); tools.append(l); };
    if (targets.length) {
      const select = html("select");
      for (const name of targets) select.append(html("option", name, { value: name }));
      select.addEventListener("change", () => { state.target = select.value; draw(); });
      option("strongest paths to", select);
      const many = html("input", "", { type: "range", min: 1, max: 12, value: state.paths, "aria-label": "number of paths" });
      many.addEventListener("input", () => { state.paths = Number(many.value); draw(); });
      option("paths", many);
    } else {
      const least = html("input", "", { type: "range", min: 0, max: 100, value: 0, "aria-label": "hide edges that are weaker than this share of the strongest" });
      least.addEventListener("input", () => { state.least = Number(least.value) / 100; draw(); });
      option("hide edges weaker than a share of the strongest", least);
    }
    const columns = [...new Set(data.nodes.map((node) => node.x))].sort((a, b) => a - b);
    if (columns.length > 2 && columns.length <= 9) {
      tools.append(html("span", "show:"));
      columns.forEach((x) => {
        const box = html("input", "", { type: "checkbox" });
        box.checked = true;
        box.addEventListener("change", () => { box.checked ? state.layers.delete(x) : state.layers.add(x); draw(); });
        option(called(data.nodes.filter((node) => node.x === x)), box);
      });
    }
    for (const [label, title, act] of [["+", "zoom in", () => zoom(0.8)], ["−", "zoom out", () => zoom(1.25)],
      ["reset", "show the whole graph as it was", () => { for (const node of nodes.values()) node.dragged = false; draw(); }]]) {
      const one = html("button", label, { type: "button", "aria-label": title });
      one.addEventListener("click", act);
      tools.append(one);
    }
    const count = html("span");
    tools.append(count);
    const fixed = figure.querySelector('[role="img"]');
    fixed.hidden = true;
    const stage = html("div", "", { class: "canvas", tabindex: 0, role: "group", "aria-label": "The drawing, which may be wider than the screen" });
    stage.append(svg);
    fixed.before(tools, stage, panel);
    draw();
  };

  document.querySelectorAll("script.graph-data").forEach((source, number) => {
    const figure = source.closest("figure");
    const data = JSON.parse(source.textContent);
    if (figure && data.nodes.length) explore(figure, data, number);
  });
})();
