// Builds the page: src/main.ts and src/style.css, bundled and put into src/index.html, which then needs nothing
// else. `node build.mjs [FOLDER]` writes FOLDER/index.html (default: dist).
//
// The page allows itself exactly one script and one style sheet, named by their hashes in its content security
// policy, and one connection: back to where it came from.

import { createHash } from "node:crypto";
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";

const here = fileURLToPath(new URL(".", import.meta.url));
const out = process.argv[2] ?? join(here, "dist");

const script = await bundle("src/main.ts");
const style = await bundle("src/style.css");
const policy = [
  "default-src 'none'",
  `script-src '${hash(script)}'`,
  `style-src '${hash(style)}'`,
  "img-src data:",
  "connect-src 'self'",
  "base-uri 'none'",
  "form-action 'none'",
].join("; ");

let page = await readFile(join(here, "src/index.html"), "utf8");
page = put(page, "<!-- policy -->", `<meta http-equiv="Content-Security-Policy" content="${policy}">`);
page = put(page, "<!-- style -->", `<style>${style}</style>`);
page = put(page, "<!-- script -->", `<script type="module">${script}</script>`);
await mkdir(out, { recursive: true });
await writeFile(join(out, "index.html"), page);
console.log(`${join(out, "index.html")}: ${page.length} characters`);

async function bundle(entry) {
  const result = await build({
    entryPoints: [join(here, entry)],
    bundle: true,
    minify: true,
    write: false,
    format: "esm",
    target: "es2022",
    charset: "utf8",
    logLevel: "warning",
  });
  const text = result.outputFiles[0].text.trimEnd();
  if (/<\/(script|style)/i.test(text)) {
    throw new Error(`${entry} contains a closing tag, which would end its element early`);
  }
  return text;
}

function hash(text) {
  return `sha256-${createHash("sha256").update(text, "utf8").digest("base64")}`;
}

function put(page, mark, text) {
  if (page.split(mark).length !== 2) {
    throw new Error(`src/index.html must contain ${mark} exactly once`);
  }
  return page.replace(mark, () => text);
}
