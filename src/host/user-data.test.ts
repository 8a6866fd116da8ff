import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { gzipSync } from "node:zlib";
import * as fc from "fast-check";
import { readUserDataAside } from "./user-data-aside.ts";
import { readUserData, type UserData } from "./user-data.ts";

const read = (text: string | Uint8Array): UserData =>
  readUserData(typeof text === "string" ? Buffer.from(text) : text);
const programs = ({ programs: all }: UserData): readonly string[] =>
  all.map(({ name, when, text }) => `${name} ${when} ${Buffer.from(text).toString()}`);
const MULTI = (...parts: readonly string[]): string =>
  [
    'Content-Type: multipart/mixed; boundary="==B=="',
    "MIME-Version: 1.0",
    "",
    ...parts.flatMap((part) => ["--==B==", part]),
    "--==B==--",
    "",
  ].join("\n");

test("a script runs once, unchanged, compressed or not", () => {
  const script = "#!/bin/sh\necho hello\n";
  const expected = {
    programs: [{ name: "part-001", when: "once", text: Buffer.from(script) }],
    notes: [],
    hostname: undefined,
    domain: undefined,
  };
  assert.deepEqual(read(script), expected);
  assert.deepEqual(read(gzipSync(script)), expected);
  assert.deepEqual(read(""), { ...expected, programs: [] });
});

test("a note says which user data is not run, and there is none when all is", () => {
  assert.match(read("echo hello").notes.join(), /neither a script/);
  assert.match(read("#include\nhttp://example.com/").notes.join(), /include list is not followed/);
  assert.match(read("## template: jinja\n#cloud-config\n").notes.join(), /template/);
  assert.match(read("#cloud-config\nruncmd: [").notes.join(), /can't be read/);
  assert.match(read("#cloud-config\n- a list\n").notes.join(), /no YAML map/);
  assert.deepEqual(read("#cloud-config\n"), {
    programs: [],
    notes: [],
    hostname: undefined,
    domain: undefined,
  });
});

test("multi-part: by declared types or by how parts begin; encodings; boothooks first, scripts in the order of their parts, runcmd last", () => {
  const message = MULTI(
    "Content-Type: text/cloud-config; charset=us-ascii\nContent-Transfer-Encoding: 7bit\n\n#cloud-config\nruncmd:\n - echo last",
    `Content-Type: text/x-shellscript\nContent-Transfer-Encoding: base64\n\n${Buffer.from("#!/bin/sh\necho é\n").toString("base64")}`,
    "Content-Type: text/plain\nContent-Transfer-Encoding: quoted-printable\n\n#!/bin/sh\necho a=3Db long=\ner",
    "Content-Type: text/cloud-boothook\n\n#cloud-boothook\necho early",
    "Content-Type: text/x-shellscript-per-boot\n\n#!/bin/sh\necho each",
    "Content-Type: text/x-include-url\n\nhttp://example.com/",
  );
  const expected = [
    "part-004 boot #!/bin/sh\necho early",
    "part-005 boot #!/bin/sh\necho each",
    "part-002 once #!/bin/sh\necho é\n",
    "part-003 once #!/bin/sh\necho a=b longer",
    "runcmd once #!/bin/sh\necho last\n",
  ];
  for (const text of [message, message.replaceAll("\n", "\r\n")]) {
    assert.deepEqual(
      programs(read(text)).map((program) => program.replaceAll("\r\n", "\n")),
      expected,
    );
    assert.deepEqual(read(text).notes, ["an include list is not followed: there is nothing to fetch from"]);
  }
  const nested = MULTI(
    `Content-Type: multipart/alternative; boundary=inner\n\n--inner\n\n#!/bin/sh\necho in\n--inner--`,
  );
  assert.deepEqual(programs(read(nested)), ["part-001 once #!/bin/sh\necho in"]);
});

test("scripts run at each boot when the well-known trick says so", () => {
  const always =
    "Content-Type: text/cloud-config\n\n#cloud-config\ncloud_final_modules:\n- [scripts-user, always]";
  const { programs: all, notes } = read(
    MULTI(always, "Content-Type: text/x-shellscript\n\n#!/bin/sh\necho again"),
  );
  assert.deepEqual([all.map(({ name, when }) => `${name} ${when}`), notes], [["part-002 boot"], []]);
});

test("an archive is a list of parts", () => {
  const archive =
    '#cloud-config-archive\n- |\n  #!/bin/sh\n  echo one\n- type: text/cloud-config\n  content: |\n    runcmd: [[echo, "it\'s"]]\n';
  assert.deepEqual(programs(read(archive)), [
    "part-001 once #!/bin/sh\necho one\n",
    "runcmd once #!/bin/sh\n'echo' 'it'\\''s'\n",
  ]);
});

test("later cloud-configs go before earlier ones; lists are appended when they say so", () => {
  const two = (more: string): string =>
    MULTI(
      "Content-Type: text/cloud-config\n\nruncmd: [echo one]",
      `Content-Type: text/cloud-config\n\n${more}runcmd: [echo two]`,
    );
  const merge = "merge_how:\n - name: list\n   settings: [append]\n";
  assert.deepEqual(programs(read(two(""))), ["runcmd once #!/bin/sh\necho two\n"]);
  assert.deepEqual(programs(read(two(merge))), ["runcmd once #!/bin/sh\necho one\necho two\n"]);
});

test("the name is taken, and a note names each key that is not carried out", () => {
  const config =
    "#cloud-config\nfqdn: web.example.com\npackages: [nginx, [curl, 1.0]]\nswap: {filename: /swap}\nmounts: []\nmanage_etc_hosts: true\n";
  const { hostname, domain, notes } = read(config);
  assert.deepEqual([hostname, domain], ["web", "example.com"]);
  assert.deepEqual(notes, [
    "swap is not done here",
    "mounts is not done here",
    "no package is installed (nginx, curl): an instance has the programs of the machine under /usr",
  ]);
  assert.match(read("#cloud-config\nhostname: $(reboot)\n").notes.join(), /can't be an instance's name/);
  const user =
    "#cloud-config\nusers:\n - default\n - {name: deploy, sudo: 'ALL=(ALL) NOPASSWD:ALL', groups: [www-data, docker]}\n";
  assert.deepEqual(read(user).notes, ["users: of deploy, sudo is not done here"]);
});

test("files arrive byte by byte, whatever they and their paths hold", () => {
  const folder = mkdtempSync(join(tmpdir(), "genkan-user-data-"));
  try {
    fc.assert(
      fc.property(
        fc.uint8Array({ maxLength: 200 }),
        fc.stringMatching(/^[ -.0-~]{1,20}$/),
        fc.boolean(),
        (bytes, name, packed) => {
          fc.pre(name !== "." && name !== "..");
          const path = join(folder, "new", name);
          const content = Buffer.from(packed ? gzipSync(bytes) : bytes).toString("base64");
          const entry = {
            path,
            content,
            encoding: packed ? "gz+b64" : "b64",
            permissions: "0600",
            owner: `${process.getuid?.()}:${process.getgid?.()}`,
          };
          const { programs: all } = read(`#cloud-config\nwrite_files: ${JSON.stringify([entry])}\n`);
          execFileSync("sh", [], { input: Buffer.from(all[0]?.text ?? "") });
          assert.deepEqual(new Uint8Array(readFileSync(path)), bytes);
        },
      ),
      { numRuns: 25 },
    );
  } finally {
    rmSync(folder, { recursive: true });
  }
});

test("any bytes are read without an error", () => {
  const pieces = fc.constantFrom(
    "#cloud-config\n",
    "#!/bin/sh\n",
    "Content-Type: multipart/mixed; boundary=b\n\n",
    "--b\n",
    "--b--\n",
    "runcmd: [",
    "&a [*a",
    "\n",
    "- x: *a\n",
  );
  fc.assert(
    fc.property(fc.array(fc.oneof(pieces, fc.string()), { maxLength: 12 }), (texts) => {
      assert.ok(Array.isArray(read(texts.join("")).notes));
    }),
    { numRuns: 500 },
  );
});

test("user data that takes long to read, such as a hundred bytes that unpack to deep nesting, delays nobody and gives a note", async () => {
  const deep = gzipSync(`#cloud-config\nruncmd: ${"[".repeat(1_000_000)}`);
  assert.ok(deep.length < 2_000);
  let others = 0;
  const timer = setInterval(() => (others += 1), 10);
  const { programs: none, notes } = await readUserDataAside(deep, 500);
  clearInterval(timer);
  assert.deepEqual([none, notes], [[], ["nothing of it is run: it takes more than 0.5 s to read"]]);
  assert.ok(others > 0);
});

test("user data is read in a thread of its own as it is without one", async () => {
  for (const text of [
    "",
    "#!/bin/sh\n",
    "#cloud-config\nhostname: a\nruncmd: [echo]\npackages: [x]\n",
    "nothing",
    MULTI("\n#!/bin/sh\n"),
  ]) {
    const [aside, there] = [await readUserDataAside(Buffer.from(text)), read(text)];
    assert.deepEqual({ ...aside, programs: programs(aside) }, { ...there, programs: programs(there) });
  }
});
