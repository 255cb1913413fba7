// Bundle what pages load: one style sheet, one script, each named by its content, with a manifest
// that tells the program their names and copies compressed once, here, instead of at each request.
import { build } from "esbuild";
import { mkdir, readFile, rm, writeFile } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { brotliCompressSync, constants, gzipSync } from "node:zlib";

const here = dirname(fileURLToPath(import.meta.url));
const source = join(here, "..", "static");
const target = join(source, "dist");
const ENTRIES = ["css/app.css", "js/app.js", "js/run.js"];

await rm(target, { recursive: true, force: true });
await mkdir(target, { recursive: true });
const result = await build({
  entryPoints: ENTRIES.map((name) => join(source, name)),
  outdir: target,
  entryNames: "[name]-[hash]",
  bundle: true,
  minify: true,
  format: "iife",
  target: "es2022",
  legalComments: "none",
  logLevel: "warning",
  metafile: true,
  nodePaths: [join(here, "node_modules")],
  absWorkingDir: here,
  write: true,
});

const manifest = {};
for (const [path, output] of Object.entries(result.metafile.outputs)) {
  const file = join(here, path);
  const bytes = await readFile(file);
  manifest[basename(output.entryPoint)] = basename(path);
  await writeFile(`${file}.gz`, gzipSync(bytes, { level: 9 }));
  await writeFile(
    `${file}.br`,
    brotliCompressSync(bytes, { params: { [constants.BROTLI_PARAM_QUALITY]: 11 } }),
  );
}
// Written last: a bundle without a manifest is one whose build was broken off.
await writeFile(join(target, "manifest.json"), JSON.stringify(manifest, null, 2) + "\n");
