// The auditor's page and `ledger verify --json` say the same of every pack in a folder: with the trust file
// `auditor.trust` in it, without one, and with bytes of each changed. What is run is the script of the page itself, as
// its worker runs it.
//
//   node tests/auditor/same.mjs auditor.html FOLDER target/release/ledger

import { execFile } from "node:child_process";
import { mkdtempSync, readFileSync, readdirSync, statSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { isDeepStrictEqual, promisify } from "node:util";
import { runInThisContext } from "node:vm";

const [page, folder, ledger] = process.argv.slice(2).map((path) => resolve(path));
// Bytes that are changed of each sixteenth pack, one by one.
const FLIPS = 8;

const html = readFileSync(page, "utf8");
const between = (from, to) => html.slice(html.indexOf(from) + from.length).split(to)[0];
const wasm = Buffer.from(between('id="wasm">', "</script>"), "base64");
let answered;
globalThis.onmessage = undefined;
globalThis.postMessage = (message) => message.doing || answered(message);
runInThisContext(html.slice(html.lastIndexOf("<script>") + 8, html.lastIndexOf("</script>")));

const of = (name, bytes) => ({ name, file: new Blob([bytes]) });
const judged = (evidence, own, asOf = "") =>
  new Promise((resolve) => {
    answered = resolve;
    globalThis.onmessage({ data: { wasm, evidence, own, asOf } });
  });

const run = promisify(execFile);
const home = mkdtempSync(join(tmpdir(), "same-"));
const told = async (words) => {
  const env = { HOME: home, TMPDIR: home };
  const done = await run(ledger, ["--json", "verify", ...words], { cwd: home, env, maxBuffer: 1 << 30 }).catch((failed) => failed);
  return JSON.parse(done.stdout.trim() || done.stderr.trim().split("\n").at(-1));
};

// The page checks no signature of a time token, and names that; all else of a pack that has some is the same.
const withoutTokens = (told) => {
  if (!told.time_tokens?.length) return told;
  const other = (items) => items.filter((item) => !/time token/.test(item));
  const tokens = told.time_tokens.map(({ signature_checked, ...token }) => token);
  return { ...told, not_checked: other(told.not_checked), notes: other(told.notes), time_tokens: tokens };
};
const namesThem = (told) => !told.time_tokens?.length || told.not_checked.some((item) => /^who signed the .*time token.*: this program cannot check/.test(item));

let [compared, refused, differing] = [0, 0, 0];
const compare = async (name, bytes, trust) => {
  writeFileSync(join(home, name), bytes);
  const own = trust ? [of("auditor.trust", trust)] : [];
  if (trust) writeFileSync(join(home, "auditor.trust"), trust);
  const [{ answer, fault }, said] = await Promise.all([judged([of(name, bytes)], own), told([name, ...(trust ? ["--trust", "auditor.trust"] : [])])]);
  return check(`${name} ${trust ? "with" : "without"} a trust file`, answer?.error ?? answer?.document ?? fault, said);
};
const check = (name, ours, said) => {
  const theirs = said.error ? { message: said.error.message, exit_code: said.error.exit_code } : said;
  compared += 1;
  refused += said.error ? 1 : 0;
  if (!isDeepStrictEqual(withoutTokens(ours), withoutTokens(theirs)) || !namesThem(ours)) {
    differing += 1;
    console.error(`${name}: the page says\n${JSON.stringify(ours)}\nand ledger verify\n${JSON.stringify(theirs)}`);
  }
  return Boolean(said.error);
};

// A pack of another ledger has a trust file of its own name.
const files = readdirSync(folder);
const trustOf = (name) => readFileSync(join(folder, files.includes(name.replace(/zip$/, "trust")) ? name.replace(/zip$/, "trust") : "auditor.trust"));
const packs = files.filter((name) => name.endsWith(".zip"));
for (const [number, name] of packs.sort().entries()) {
  const [bytes, trust] = [readFileSync(join(folder, name)), trustOf(name)];
  const isRefused = await compare(name, bytes, trust);
  if (isRefused || bytes.length > 1 << 20) continue;
  await compare(name, bytes);
  // Of each pack another few, so that all of them together change every part of one.
  for (let flip = 0; flip < (number % 16 === 0 ? FLIPS : 1); flip += 1) {
    const changed = Buffer.from(bytes);
    if (changed.length === 0) continue;
    changed[((flip * 131 + number * 977) * 61) % changed.length] ^= 1 << number % 8;
    await compare(`changed-${name}`, changed, trust);
  }
}
// Published copies: of these the present is judged where nothing else is said, so it is said.
const asOf = new Date().toISOString();
const copies = files.filter((name) => statSync(join(folder, name)).isDirectory());
for (const name of copies) {
  symlinkSync(join(folder, name), join(home, name));
  const paths = readdirSync(join(folder, name), { recursive: true }).map((path) => join(name, path));
  const inside = paths.filter((path) => statSync(join(folder, path)).isFile()).map((path) => of(path, readFileSync(join(folder, path))));
  const own = `${name}.trust`;
  const trust = readFileSync(join(folder, files.includes(own) ? own : "copies.trust"));
  writeFileSync(join(home, "copies.trust"), trust);
  const [{ answer, fault }, said] = await Promise.all([judged(inside, [of("copies.trust", trust)], asOf), told([name, "--trust", "copies.trust", "--as-of", asOf])]);
  check(name, answer?.error ?? answer?.document ?? fault, said);
}
console.log(`${compared} verifications of ${packs.length} packs and ${copies.length} copies compared, ${refused} of them refused by name; ${differing} differ`);
process.exit(differing === 0 && packs.length > 0 ? 0 : 1);
