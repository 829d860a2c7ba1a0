(async () => {
  await document.fonts.ready;
  const parse = (color) => {
    const n = (color.match(/[\d.]+/g) || []).map(Number);
    if (color.startsWith("color(srgb")) return [n[0] * 255, n[1] * 255, n[2] * 255, n.length > 3 ? n[3] : 1];
    return [n[0] || 0, n[1] || 0, n[2] || 0, n.length > 3 ? n[3] : 1];
  };
  const over = (top, below) => [0, 1, 2].map((i) => top[i] * top[3] + below[i] * (1 - top[3])).concat(1);
  const scheme = getComputedStyle(document.documentElement).colorScheme;
  const dark = matchMedia("(prefers-color-scheme: dark)").matches && scheme.includes("dark");
  const canvas = dark ? [18, 18, 18, 1] : [255, 255, 255, 1];
  const background = (e) => {
    if (!e) return canvas;
    const own = parse(getComputedStyle(e).backgroundColor);
    return own[3] === 1 ? own : over(own, background(e.parentElement));
  };
  const light = (c) => {
    const [r, g, b] = c.map((v) => (v / 255 <= 0.03928 ? v / 255 / 12.92 : ((v / 255 + 0.055) / 1.055) ** 2.4));
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const contrast = (a, b) => (Math.max(light(a), light(b)) + 0.05) / (Math.min(light(a), light(b)) + 0.05);
  const hidden = (e) => {
    for (; e; e = e.parentElement) {
      const s = getComputedStyle(e);
      const box = e.getBoundingClientRect();
      if (s.display === "none" || s.visibility !== "visible" || Number(s.opacity) < 0.1) return true;
      if (s.overflowX !== "visible" && (box.width < 2 || box.height < 2)) return true;
    }
    return false;
  };
  const texts = [];
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  for (let node; (node = walker.nextNode()); ) {
    const text = node.data.replace(/\s+/g, " ").trim();
    const parent = node.parentElement;
    if (!text || !parent || ["STYLE", "SCRIPT", "TITLE"].includes(parent.tagName)) continue;
    const range = document.createRange();
    range.selectNodeContents(node);
    const boxes = [...range.getClientRects()].filter((b) => b.width > 0 && b.height > 0);
    const style = getComputedStyle(parent);
    const below = background(parent);
    const seen = contrast(over(parse(style.color), below), below);
    const left = Math.min(...boxes.map((b) => b.left)) + scrollX;
    const right = Math.max(...boxes.map((b) => b.right)) + scrollX;
    const size = parseFloat(style.fontSize);
    const inside = boxes.length > 0 && left >= 0 && right <= innerWidth + 1 && boxes.every((b) => b.bottom + scrollY > 0);
    texts.push({
      text, left: boxes.length ? left : 0, right: boxes.length ? right : 0, size, contrast: seen,
      visible: inside && size >= 1 && seen > 1.2 && !hidden(parent),
    });
  }
  const remote = [...document.querySelectorAll("[src],[srcset],[background],[poster],[data],link[href]")].map(
    (e) => e.src || e.srcset || e.getAttribute("background") || e.poster || e.data || e.href);
  const css = [...document.querySelectorAll("style")].map((e) => e.textContent).concat(
    [...document.querySelectorAll("[style]")].map((e) => e.getAttribute("style"))).join("\n");
  for (const found of css.matchAll(/url\([^)]*\)|@import[^;]*/g)) remote.push(found[0]);
  const root = document.documentElement;
  return {
    window: Math.round(innerWidth), width: Math.max(root.scrollWidth, document.body.scrollWidth),
    height: Math.max(root.scrollHeight, document.body.scrollHeight), texts, remote,
    links: [...document.querySelectorAll("a[href],area[href],form[action]")].map((e) => e.getAttribute("href") || e.getAttribute("action")),
  };
})()
