// Everything on a page is readable without this script, which adds hints, tools and downloads.
(() => {
  "use strict";

  const download = (name, text, type) => {
    const link = document.createElement("a");
    link.href = URL.createObjectURL(new Blob([text], { type }));
    link.download = name;
    link.click();
    URL.revokeObjectURL(link.href);
  };
  const button = (label, act, title = "") => {
    const made = document.createElement("button");
    made.type = "button";
    made.textContent = label;
    if (title) made.title = title;
    made.addEventListener("click", act);
    return made;
  };
  const named = (text) =>
    (text || "causalxai").toLowerCase().replace(/[^a-z0-9]+/g, "-").replace(/^-|-$/g, "").slice(0, 60);

  // Hints: what has data-tip shows it on hover and on focus.
  const tip = document.createElement("div");
  tip.className = "tip";
  tip.setAttribute("role", "tooltip");
  tip.id = "tip";
  tip.hidden = true;
  document.body.append(tip);
  const showTip = (target) => {
    tip.textContent = target.dataset.tip;
    tip.hidden = false;
    const box = target.getBoundingClientRect();
    const width = document.documentElement.clientWidth;
    const left = Math.max(4, Math.min(box.left, width - tip.offsetWidth - 4));
    tip.style.left = `${left + scrollX}px`;
    tip.style.top = `${box.bottom + scrollY + 6}px`;
    target.setAttribute("aria-describedby", "tip");
  };
  const hideTip = (target) => {
    tip.hidden = true;
    target.removeAttribute("aria-describedby");
  };
  for (const [event, act] of [["mouseover", showTip], ["focusin", showTip], ["mouseout", hideTip], ["focusout", hideTip]]) {
    document.addEventListener(event, (e) => {
      const target = e.target.closest?.("[data-tip]");
      if (target) act(target);
    });
  }
  document.addEventListener("keydown", (e) => { if (e.key === "Escape") tip.hidden = true; });

  // Printed pages have nothing folded away.
  addEventListener("beforeprint", () => {
    for (const one of document.querySelectorAll("details:not([open])")) {
      one.open = true;
      one.dataset.opened = "";
    }
  });
  addEventListener("afterprint", () => {
    for (const one of document.querySelectorAll("details[data-opened]")) {
      one.open = false;
      delete one.dataset.opened;
    }
  });

  // Tables: sorted by a click on a heading, filtered by row, hidden by column, saved as CSV.
  const cellText = (cell) => (cell?.dataset.csv ?? cell?.innerText ?? "").trim().replace(/\s+/g, " ");
  const asCsv = (table) =>
    [...table.rows].filter((row) => !row.hidden)
      .map((row) => [...row.cells].filter((cell) => !cell.hidden)
        .map((cell) => `"${cellText(cell).replace(/"/g, '""')}"`).join(","))
      .join("\n") + "\n";
  const sortBy = (table, place, heading) => {
    const down = heading.getAttribute("aria-sort") !== "descending";
    for (const other of table.tHead.rows[0].cells) other.removeAttribute("aria-sort");
    heading.setAttribute("aria-sort", down ? "descending" : "ascending");
    const key = (row) => {
      const cell = row.cells[place];
      const value = cell.dataset.value ?? cellText(cell);
      return value === "" ? NaN : Number(value);
    };
    const rows = [...table.tBodies[0].rows];
    const numbers = rows.some((row) => !Number.isNaN(key(row)));
    rows.sort((a, b) => {
      if (!numbers) return cellText(a.cells[place]).localeCompare(cellText(b.cells[place])) * (down ? -1 : 1);
      const [x, y] = [key(a), key(b)];
      if (Number.isNaN(x) || Number.isNaN(y)) return Number.isNaN(x) - Number.isNaN(y);
      return down ? y - x : x - y;
    });
    table.tBodies[0].append(...rows);
  };
  const sortable = (table) => {
    [...table.tHead.rows[0].cells].forEach((heading, place) => {
      const act = button("", () => sortBy(table, place, heading), "Sort by this column");
      act.append(...heading.childNodes);
      heading.append(act);
    });
  };
  const filters = (table) => {
    const tools = document.createElement("div");
    tools.className = "tools";
    const label = document.createElement("label");
    const text = document.createElement("input");
    text.type = "search";
    text.placeholder = "rows with …";
    text.setAttribute("aria-label", "Show only rows that contain this text");
    const controls = document.createElement("input");
    controls.type = "checkbox";
    controls.checked = true;
    label.append(controls, " controls");
    const show = () => {
      for (const row of table.tBodies[0].rows) {
        const found = cellText(row.cells[0]).toLowerCase().includes(text.value.toLowerCase());
        row.hidden = !found || (row.classList.contains("apart") && !controls.checked);
      }
    };
    text.addEventListener("input", show);
    controls.addEventListener("change", show);
    tools.append(text, label);
    [...table.tHead.rows[0].cells].forEach((heading, place) => {
      if (!("metric" in heading.dataset)) return;
      const one = document.createElement("label");
      const box = document.createElement("input");
      box.type = "checkbox";
      box.checked = true;
      box.addEventListener("change", () => {
        for (const row of table.rows) row.cells[place].hidden = !box.checked;
      });
      one.append(box, ` ${heading.dataset.metric}`);
      tools.append(one);
    });
    tools.append(button("CSV", () => download("scores.csv", asCsv(table), "text/csv"), "Save this table as CSV"));
    const latex = table.parentElement.parentElement.querySelector("template.latex");
    if (latex) {
      const source = latex.content.textContent.trim() + "\n";
      tools.append(button("LaTeX", () => download("scores.tex", source, "text/x-tex"), "Save this table as LaTeX"));
    }
    (table.closest(".wide") ?? table).before(tools);
  };
  for (const table of document.querySelectorAll("table[data-sortable]")) sortable(table);
  for (const table of document.querySelectorAll("table[data-tools]")) filters(table);
  for (const table of document.querySelectorAll("table[data-csv]")) {
    const row = document.createElement("div");
    row.className = "save";
    row.append(button("CSV", () => download(`${named(table.dataset.csv)}.csv`, asCsv(table), "text/csv"), "Save this table as CSV"));
    table.after(row);
  }

  // Figures: saved as SVG where they are drawn, and as PNG.
  const savePng = (picture, name) => {
    const canvas = document.createElement("canvas");
    canvas.width = 2 * (picture.naturalWidth || picture.width);
    canvas.height = 2 * (picture.naturalHeight || picture.height);
    const paint = canvas.getContext("2d");
    paint.fillStyle = "#fff";
    paint.fillRect(0, 0, canvas.width, canvas.height);
    paint.drawImage(picture, 0, 0, canvas.width, canvas.height);
    canvas.toBlob((blob) => download(`${name}.png`, blob, "image/png"));
  };
  for (const figure of document.querySelectorAll("figure[data-save]")) {
    const name = named(figure.dataset.save);
    const row = document.createElement("div");
    row.className = "save";
    const drawn = figure.querySelector("svg");
    const painted = figure.querySelector("img");
    if (drawn) {
      const source = () => new XMLSerializer().serializeToString(drawn);
      row.append(button("SVG", () => download(`${name}.svg`, source(), "image/svg+xml"), "Save this figure as SVG"));
      row.append(button("PNG", () => {
        const copy = new Image();
        copy.onload = () => savePng(copy, name);
        copy.src = `data:image/svg+xml;charset=utf-8,${encodeURIComponent(source())}`;
      }, "Save this figure as PNG"));
    } else if (painted) {
      row.append(button("PNG", () => savePng(painted, name), "Save this figure as PNG"));
    }
    figure.append(row);
  }
})();
