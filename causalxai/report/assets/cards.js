// Makes films of what-ifs into sliders, and lets readers choose the map over the images and how strong it is.
(() => {
  "use strict";
  const html = (tag, attributes = {}, ...children) => {
    const made = document.createElement(tag);
    for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
    made.append(...children);
    return made;
  };

  // One picture beside the image shows the concept that was moved last; the other sliders go back.
  const play = (card) => {
    const films = [...card.querySelectorAll(".film")];
    if (!films.length) return;
    const picture = html("img", { alt: "" }), frame = html("div", { class: "frame" }, picture);
    const bar = html("span", { class: "bar" }), said = html("span", { "aria-live": "polite" });
    card.querySelector(".stage").append(html("div", { class: "what-if" }, frame, said, bar));
    const image = card.querySelector(".picture");
    const shape = () => { frame.style.aspectRatio = `${image.naturalWidth || 1} / ${image.naturalHeight || 1}`; };
    image.complete ? shape() : image.addEventListener("load", shape);
    const sliders = films.map((film) => {
      const steps = [...film.querySelectorAll("li")];
      const name = film.parentElement.querySelector(".name").textContent;
      const slider = html("input", { type: "range", min: 0, max: steps.length - 1, step: 1, "aria-label": `${name}, from low to high` });
      const show = () => {
        const at = Number(slider.value), words = steps[at].querySelector("span").textContent;
        const confidence = Number(steps[at].dataset.confidence);
        picture.src = film.querySelector("img").src;
        picture.style.transform = `translateX(${(-100 * at) / steps.length}%)`;
        picture.alt = words;
        said.textContent = `${words}: ${Math.round(100 * confidence)}%`;
        bar.style.setProperty("--share", confidence);
        bar.style.setProperty("--before", steps[film.dataset.start].dataset.confidence);
        slider.setAttribute("aria-valuetext", said.textContent);
      };
      slider.value = film.dataset.start;
      slider.addEventListener("input", () => {
        sliders.forEach((other, place) => { if (other.slider !== slider) other.slider.value = films[place].dataset.start; });
        show();
      });
      film.before(slider);
      return { slider, show };
    });
    card.classList.add("live-card");
    sliders[0].show();
  };

  const overlay = (section) => {
    const maps = [...section.querySelectorAll(".map")];
    const names = [...new Set(maps.map((map) => map.dataset.map))];
    if (!names.length) return;
    const tools = html("div", { class: "tools" });
    if (names.length > 1) {
      const chosen = html("select", { "aria-label": "the map over the images" });
      for (const name of names) chosen.append(html("option", { value: name }, name));
      chosen.addEventListener("change", () => { for (const map of maps) map.hidden = map.dataset.map !== chosen.value; });
      tools.append(html("label", {}, "map ", chosen));
    }
    const opacity = html("input", { type: "range", min: 0, max: 100, value: 70 });
    opacity.addEventListener("input", () => section.style.setProperty("--map-opacity", opacity.value / 100));
    tools.append(html("label", {}, "strength of the map ", opacity));
    section.querySelector(".image-cards").before(tools);
  };

  for (const section of document.querySelectorAll(".image-by-image")) overlay(section);
  for (const card of document.querySelectorAll(".image-card")) play(card);
})();
