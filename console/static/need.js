// Fetches a library, script and style, when a page first needs it; from this server, as everything.
const asked = new Map();
export function need(name) {
  if (!asked.has(name)) {
    const style = document.createElement("link");
    style.rel = "stylesheet";
    style.href = `/static/vendor/${name}.css`;
    document.head.append(style);
    asked.set(name, new Promise((done, failed) => {
      const script = document.createElement("script");
      script.src = `/static/vendor/${name}.js`;
      script.onload = done;
      script.onerror = failed;
      document.head.append(script);
    }));
  }
  return asked.get(name);
}
