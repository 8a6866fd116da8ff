import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, describe, it } from "node:test";
import { openDatapath } from "./loader.ts";
import { compile, headersText } from "./test-compile.ts";
import { bpffs, noKernel } from "./test-kit.ts";

const folder = mkdtempSync(join(tmpdir(), "genkan-object-"));
after(() => rmSync(folder, { recursive: true }));

/** A program that has all maps and does nothing with them, compiled from changed headers. */
function compiled(name: string, from: RegExp, to: string): string {
  const text = headersText();
  assert.match(text, from);
  const object = join(folder, `${name}.o`);
  const program = 'SEC("tc") int from_eni(struct __sk_buff *skb) { return 2; }';
  assert.equal(compile(`${text.replace(from, to)}\n${program}`, ["-c", "-o", object]), "");
  return object;
}

describe("a kernel program", { skip: noKernel }, () => {
  it("that was compiled from another contract is refused before any of its maps is made", () => {
    const open = (object: string) => () =>
      openDatapath({ pins: bpffs(), netns: "/proc/thread-self/ns/net", object });
    const longer = compiled("longer", /(?<=skipped\[2\];\n)(\};\n.*) == 16/, "\t__u64 planted;\n$1 == 24");
    assert.throws(open(longer), /flow_shares of the kernel program has the layout that is known/);
    const renamed = compiled("renamed", /\} trace_lost SEC/, "} trace_losses SEC");
    assert.throws(open(renamed), /the kernel program has a map trace_lost/);
    assert.throws(open(compiled("same", /$/, "")), /the kernel program has from_uplink/);
  });
});
