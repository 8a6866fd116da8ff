import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { interfaceBlock, packetBlock, sectionBlock } from "./pcapng.ts";

type Option = { readonly code: number; readonly value: Buffer };
type Block = { readonly type: number; readonly body: Buffer };

/** Blocks as a reader finds them: each says its length before and after. */
function blocksOf(file: Buffer): readonly Block[] {
  const blocks: Block[] = [];
  for (let at = 0; at < file.length;) {
    const length = file.readUInt32LE(at + 4);
    assert.equal(length % 4, 0);
    assert.equal(file.readUInt32LE(at + length - 4), length);
    blocks.push({ type: file.readUInt32LE(at), body: file.subarray(at + 8, at + length - 4) });
    at += length;
  }
  return blocks;
}

function optionsOf(bytes: Buffer): readonly Option[] {
  const options: Option[] = [];
  for (let at = 0; ;) {
    const code = bytes.readUInt16LE(at);
    const length = bytes.readUInt16LE(at + 2);
    if (code === 0) {
      assert.equal(at + 4, bytes.length, "the end of options is the end of the block");
      return options;
    }
    options.push({ code, value: bytes.subarray(at + 4, at + 4 + length) });
    at += 4 + Math.ceil(length / 4) * 4;
  }
}

describe("a capture file", () => {
  it("has a section, its interfaces and packets, byte by byte", () => {
    const frame = Buffer.from("0102030405", "hex");
    const time = 1_700_000_000_123_456n;
    const packet = {
      interface: 1,
      time,
      frame,
      length: 60,
      comment: "破棄; no_route",
      action: "dropped",
    } as const;
    const file = Buffer.concat([
      sectionBlock("Genkan 1"),
      interfaceBlock("internet", 128),
      interfaceBlock("i-1 eni-1", 128),
      packetBlock(packet),
    ]);
    const [section, internet, eni, enhanced, ...more] = blocksOf(file);
    assert.deepEqual(more, []);
    assert.ok(section && internet && eni && enhanced);
    assert.deepEqual([section.type, internet.type, eni.type, enhanced.type], [0x0a0d0d0a, 1, 1, 6]);
    assert.equal(section.body.readUInt32LE(0), 0x1a2b3c4d);
    assert.deepEqual([section.body.readUInt16LE(4), section.body.readUInt16LE(6)], [1, 0]);
    assert.equal(optionsOf(section.body.subarray(16))[0]?.value.toString(), "Genkan 1");
    assert.deepEqual([eni.body.readUInt16LE(0), eni.body.readUInt32LE(4)], [1, 128]);
    assert.deepEqual(
      optionsOf(eni.body.subarray(8)).map(({ code, value }) => [
        code,
        code === 2 ? value.toString() : [...value],
      ]),
      [
        [2, "i-1 eni-1"],
        [9, [6]],
      ],
    );
    const { body } = enhanced;
    assert.equal(body.readUInt32LE(0), 1);
    assert.equal((BigInt(body.readUInt32LE(4)) << 32n) | BigInt(body.readUInt32LE(8)), time);
    assert.deepEqual([body.readUInt32LE(12), body.readUInt32LE(16)], [5, 60]);
    assert.deepEqual(body.subarray(20, 25), frame);
    const [comment, verdict] = optionsOf(body.subarray(28));
    assert.deepEqual([comment?.code, comment?.value.toString()], [1, "破棄; no_route"]);
    assert.deepEqual([verdict?.code, verdict?.value[0], verdict?.value.readBigUInt64LE(1)], [7, 1, 2n]);
  });

  it("never claims fewer bytes on the wire than it holds", () => {
    const packet = {
      interface: 0,
      time: 0n,
      frame: Buffer.alloc(64),
      length: 60,
      comment: "",
      action: "redirected",
    } as const;
    const [block] = blocksOf(packetBlock(packet));
    assert.deepEqual([block?.body.readUInt32LE(12), block?.body.readUInt32LE(16)], [64, 64]);
  });
});
